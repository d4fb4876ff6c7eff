#!/usr/bin/env python3
"""The order of steps that docs/live.md promises: of a start, of a reload, of a turn of the main thread.

Reads the functions of these files as text, puts a function in the place of its call, and looks for the steps below in
what comes out. Rows of turn.def, and the operations of the parts of a reload, stand for calls."""
import glob
import re
import sys

FILES = ['runtime/live/main/live.c', 'runtime/live/main/start.c', 'runtime/live/rules/host_changes.c',
         'runtime/live/main/turn.c']
TURNS = 'runtime/live/main/turn.def'
OF_RELOAD = ['runtime/live/rules/reload.c', 'runtime/live/rules/parts.c']

# Entry, and its steps in order. The reason stands where a step would do harm in another place.
START = ('live', [
    ('host_changes_await', 'a killed instance still holds sockets and the name'),
    ('start_load', ''),
    ('start_look', 'faults are told together, and nothing has changed yet'),
    ('recorded_look', ''),
    ('log_open', 'a start that could not tell what it does would be blind'),
    ('host_changes_watch', ''),
    ('parent_begin', 'takes the name, undoes what a dead instance left, reserves the interfaces, forks'),
    ('parent_confine', 'packets of strangers are read behind this point only'),
    ('in_kernel_begin', 'a program that the kernel refuses ends the start; the guard needs its maps'),
    ('steered_tun', 'ports are reserved by whether packets can be given back'),
    ('shared_ports_reserve', ''),
    ('hide_guard', 'the host must not answer for a service before it is served'),
    ('health_begin', ''),
    ('workers_make', ''),
    ('ports_open', ''),
    ('hops_init', ''),
    ('routing_renew', ''),
    ('proxied_open', ''),
    ('steered_begin', 'programs on interfaces need all of the above'),
    ('links_let_in', 'guard rules let in what is judged by now'),
    ('asked_open', ''),
    ('recorded_start', ''),
    ('worker_start', ''),
    ('proxied_start', ''),
    ('announced_links', 'addresses are announced once somebody answers for them'),
    ('confirm_begin', ''),
    ('say_ready', 'the last word of a start'),
])
RELOAD = ('reload_to', [
    ('zones_look', ''),
    ('proxied_look', ''),
    ('way_look', ''),
    ('bridge_look', ''),
    ('copied_fits', ''),
    ('narrowed_look', ''),
    ('enforce_look', ''),
    ('judged_look', 'looks come before everything that changes something'),
    ('remap_make', ''),
    ('tun_prepare', ''),
    ('members_prepare', 'the ruling takes live sets with it'),
    ('ruling_prepare', 'what follows goes by the new ruling'),
    ('by_hand_prepare', ''),
    ('health_prepare', 'servers keep what is known of their health'),
    ('owners_prepare', ''),
    ('shared_ports_prepare', ''),
    ('lingering_after', 'guard rules are of both programs'),
    ('in_kernel_follow', ''),
    ('ports_prepare', ''),
    ('hide_prepare', 'flows of the old program may drain: a moment in which nothing hides them would reset them'),
    ('steered_prepare', ''),
    ('world_prepare', ''),
    ('inline_stack_prepare', ''),
    ('observed_prepare', ''),
    ('proxied_prepare', ''),
    ('copied_follow', ''),
    ('recorded_change', 'a change has its number before workers are offered it'),
    ('vm_prepare', ''),
    ('world_offer', 'from here on nothing may fail'),
    ('worker_change', ''),
    ('proxied_offer', 'loops change after workers'),
    ('lingering_undo', ''),
    ('ruling_undo', ''),
    ('by_hand_apply', 'settings by hand are those of the ruling that is back'),
    ('hide_guard', 'guard rules are of the program that is back, and of no other'),
])
TURN = ('turns', [
    ('signalled', 'an end that was asked for comes before all work'),
    ('host_changes_follow', ''),
    ('world_read', ''),
    ('copied_links', ''),
    ('via_links', 'probes listen by the numbers that world_read found'),
    ('turn_called', ''),
    ('proxied_called', ''),
    ('onlookers_tell', ''),
    ('walks_step', ''),
    ('via_carry', ''),
    ('watch_read', ''),
    ('watch_step', ''),
    ('world_step', ''),
    ('health_step', ''),
    ('tabled_step', ''),
    ('host_changes_tick', ''),
    ('host_changes_keep', ''),
    ('judged_tick', ''),
    ('shared_ports_tick', 'limits_tell reports what it finds'),
    ('in_kernel_tick', ''),
    ('limits_tell', ''),
    ('health_tick', ''),
    ('by_hand_tick', ''),
    ('say_alive', ''),
    ('recorded_tick', ''),
    ('observed_tick', ''),
    ('document_tick', ''),
    ('proxied_tick', ''),
    ('events_tick', ''),
    ('log_tick', ''),
    ('asked_step', ''),
    ('stop_step', 'whoever asked for the end gets an answer'),
    ('confirm_step', 'a question may confirm in time'),
    ('onlookers_step', ''),
    ('shown_step', ''),
    ('reload_step', ''),
    ('load_step', 'a load waits for the reload before'),
    ('reload_begin', 'a further SIGHUP waits for the load'),
    ('history_step', ''),
    ('turn_report', 'counters are of programs that all workers have'),
])

FUNCTION = re.compile(r'^(?:static )?[a-z][\w \*]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}', re.M | re.S)


def functions(texts):
    return {m[1]: m[2] for text in texts for m in FUNCTION.finditer(text)}


def operations():
    """What parts_look and its like do: the operations of all parts, in the order of their list"""
    ops = {}
    for path in glob.glob('runtime/live/**/*.c', recursive=True):
        for part, members in re.findall(r'const struct part (part_\w+) = \{(.*?)\};', open(path).read(), re.S):
            ops[part] = dict(re.findall(r'\.(\w+) = (\w+)', members))
    listed = re.search(r'parts\[\] = \{(.*?)\};', open('runtime/live/rules/parts.c').read(), re.S)[1]
    rows = re.findall(r'&(\w+)', listed)
    for what, op in ('look', 'admits'), ('prepare', 'prepares'), ('offer', 'offers'), ('undo', 'undoes'), ('end', 'ends'):
        of_all = [ops[row][op] for row in rows if op in ops[row]]
        yield 'parts_' + what, ''.join(f'{f}();' for f in (of_all[::-1] if what == 'undo' else of_all))


def calls(name, of, seen=()):
    """All calls in the order of the text, those of a function in the place of its call"""
    for call in re.findall(r'\b([a-z]\w+)\(', re.sub(r'/\*.*?\*/', '', of[name], flags=re.S)):
        yield call
        if call in of and call not in seen:
            yield from calls(call, of, seen + (call,))


def misplaced(entry, steps, of):
    """The first step that stands elsewhere than below the one before, in words; None: all stand right"""
    found = list(calls(entry, of, (entry,)))
    at = -1
    for step, why in steps:
        if step not in found:
            return f'{step} is no step of {entry} any more'
        if step not in found[at + 1:]:
            return f'{step} comes too early' + (f': {why}' if why else '')
        at = found.index(step, at + 1)
    return None


def main():
    of = functions(open(f).read() for f in FILES)
    of['turns'] = open(TURNS).read()  # the steps of a turn are rows
    reload = functions(open(f).read() for f in OF_RELOAD) | dict(operations())
    bad = 0
    for what, (entry, steps), of in ('start', START, of), ('reload', RELOAD, reload), ('turn of the main thread', TURN, of):
        wrong = misplaced(entry, steps, of)
        if wrong:
            print(f'# {wrong}')
        print(f'{"not " if wrong else ""}ok - a {what} has its {len(steps)} steps in order')
        bad |= bool(wrong)
    example = functions(['static int begin(void)\n{\n    last();\n    first();\n}\n'])
    caught = misplaced('begin', [('first', ''), ('last', 'why')], example)
    seen = caught == 'last comes too early: why'
    print(f'{"" if seen else "not "}ok - two steps in the wrong order are seen')
    return bad or not seen


if __name__ == '__main__':
    sys.exit(main())
