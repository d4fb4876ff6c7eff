"""For kernel_sets.sh: sets_memory.py PROCESS: memory of it and all that it began, in bytes: what they have touched (pages that several have count once),
and what the kernel has taken for maps that they hold, each once."""
import os
import re
import sys


def children(pid):
    for task in os.listdir("/proc/%d/task" % pid):
        for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split():
            yield int(child)
            yield from children(int(child))


touched, maps = 0, {}
for pid in [int(sys.argv[1]), *children(int(sys.argv[1]))]:
    touched += 1024 * int(re.search(r"^Pss: +(\d+)", open("/proc/%d/smaps_rollup" % pid).read(), re.M)[1])
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        said = open("/proc/%d/fdinfo/%s" % (pid, fd)).read()
        if "map_type:" in said:
            maps[re.search(r"map_id:\s+(\d+)", said)[1]] = int(re.search(r"memlock:\s+(\d+)", said)[1])
print(touched, sum(maps.values()))
