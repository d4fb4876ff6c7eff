/* Heap memory: never NULL; without memory a compile ends with one line and status 2. */
#include "parsed.h"

#include <sys/wait.h>
#include <unistd.h>

#include "lang/heap.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static void grow_beyond(void)
{
    uint32_t cap = 0;
    free(heap_grown(NULL, (size_t)UINT32_MAX + 1, 1, &cap));
}

#ifndef SANITIZED /* the sanitizer's allocator ends the process differently */
static volatile size_t too_much = SIZE_MAX / 2;

static void ask_for_too_much(void) { free(heap_zeroed(1, too_much)); }

static void ask_for_too_many(void) { free(heap_resized(NULL, too_much, 16)); }
#endif

/* Check the output and end of a child that runs out of memory. */
static void ends_without_memory(void (*ask)(void))
{
    char said[64] = "";
    int to[2], status;
    assert_int_equal(pipe(to), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(to[1], STDERR_FILENO);
        ask();
        _exit(0);
    }
    close(to[1]);
    assert_true(read(to[0], said, sizeof(said) - 1) >= 0);
    close(to[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_string_equal(said, "preyc: out of memory\n");
}

static void no_memory_ends_the_process(void **state)
{
    (void)state;
    ends_without_memory(grow_beyond);
#ifndef SANITIZED
    ends_without_memory(ask_for_too_much);
    ends_without_memory(ask_for_too_many);
#endif
}

static void arrays_grow_and_keep_what_they_hold(void **state)
{
    (void)state;
    uint32_t cap = 0, *array = NULL;
    for (uint32_t i = 0; i < 1000; i++) {
        array = heap_grown(array, i + 1, sizeof(*array), &cap);
        assert_true(cap > i);
        array[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++) assert_int_equal(array[i], i);
    free(array);
    unsigned char *none = heap_zeroed(0, 8);
    assert_non_null(none);
    free(none);
}

static void streams_give_their_text(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    fputs("a line", out);
    heap_stream_end(out);
    assert_string_equal(text, "a line");
    assert_int_equal(len, 6);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_ends_the_process),
        cmocka_unit_test(arrays_grow_and_keep_what_they_hold),
        cmocka_unit_test(streams_give_their_text),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
