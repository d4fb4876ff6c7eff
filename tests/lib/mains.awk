# C text of a program that is many tests in one: each test's `main` is called NAME_main in it (tests.mk), and the table says
# by which name which of them runs (mains.h).
#   awk -f tests/lib/mains.awk FILE.c...
FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.c$/, "", name)
}
/^int main\(void\)/ {
    declared = declared "int " name "_main(void);\n"
    row = row "    {\"" name "\", " name "_main, NULL},\n"
}
/^int main\(int argc, char/ {
    declared = declared "int " name "_main(int argc, char **argv);\n"
    row = row "    {\"" name "\", NULL, " name "_main},\n"
}
END { printf "#include <stddef.h>\n\n%s\n#include \"tests/lib/mains.h\"\n\nconst struct named_main named_mains[] = {\n%s    {NULL, NULL, NULL}};\n", declared, row }
