# What the scripts of the lab share, sourced from the tree's top. B is the build folder; what is fetched and made lies in $B/machines.
kernels() { awk '!/^(#|$)/ { print $1 }' tests/machines/kernels.list; }
kernel_field() { # NAME COLUMN
    awk -v name="$1" -v column="$2" '!/^#/ && $1 == name { print $column }' tests/machines/kernels.list
}
machines_folder() {
    mkdir -p "$B/machines" 2>/dev/null && (cd "$B/machines" && pwd) || { echo "$B/machines can't be made" && return 1; }
}

# known NAME...: are all of them in kernels.list? Else a sentence.
known() {
    local name
    for name in "$@"; do
        [ -n "$(kernel_field "$name" 2)" ] && continue
        echo "tests/machines/kernels.list has no kernel $name; it has: $(kernels | tr '\n' ' ' | sed 's/ $//')"
        return 1
    done
}

# space FOLDER MB: are so many free there? Else a sentence.
space() {
    local free
    free=$(df -Pm "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
    [ "${free:-$2}" -ge "$2" ] || { echo "$1 has $free MB left, and this takes $2"; return 1; }
}

# take ROOT PROGRAM...: each below ROOT where it stands here, with the libraries that it asks for; in folders by the names that
# they have here, for /lib may be usr/lib.
take() {
    local root=$1 program path to
    shift
    for program in "$@"; do
        path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$program") || { echo "no $program here" >&2; return 1; }
        for path in "$path" $(ldd "$path" 2>/dev/null | grep -oE '/[^ ]+'); do
            to=$root$(readlink -f "${path%/*}")/${path##*/}
            [ -e "$to" ] || { mkdir -p "${to%/*}" && cp -L "$path" "$to" || return 1; }
        done
    done
}

# modules FOLDER VERSION INTO ORDER NAME...: those modules and what they need, unpacked, and their order in INTO/ORDER; what is
# built in is none.
modules() {
    local folder=$1 version=$2 into=$3 order=$4 path name
    shift 4
    for name in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin modprobe -d "$folder" -S "$version" --show-depends "$name" 2>/dev/null
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$into/paths"
    while read -r path; do
        name=${path##*/}
        name=${name%.xz}
        case $path in
        *.xz) xz -dc "$path" >"$into/$name" ;;
        *) cp "$path" "$into/$name" ;;
        esac || return 1
        echo "$name"
    done <"$into/paths" >"$into/$order"
    rm "$into/paths"
}

# pack ROOT FILE: as the kernel unpacks it.
pack() {
    (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) >"$2.new" && mv "$2.new" "$2"
}

# how STATUS FOLDER: how the machine of that folder ended; BOUND: the seconds that it had.
how() {
    case $1 in
    0) grep -aq 'Kernel panic - ' "$2/console" 2>/dev/null && echo 'in a panic of its kernel' || echo 'by itself' ;;
    124 | 137) echo "by its bound, $BOUND s" ;;
    *) echo "with status $1" ;;
    esac
}
# early STATUS FOLDER: the same as a line, with what machine.sh said of it, in front of the console's end.
early() {
    local said
    said=$(cat "$2/machine" 2>/dev/null)
    echo "ended early, $(how "$1" "$2")${said:+: $said}; the end of its console:"
}

# console FILE: its end, as text.
console() { tail -n 60 "$1" 2>/dev/null | tr -d '\r' | sed 's/\x1b\[[?0-9;]*[a-zA-Z]//g; s/^/# | /'; }

# drawn FOLDER: the programs for verifiers, made anew where what makes them is newer; by one of those that ask at once.
drawn() {
    (
        flock 8
        [ -e "$1.said" ] && [ -z "$(find "$B/tests/machines/programs" "$B"/runtime/*/*/*.bpf.o tests/machines/conditions.txt \
            tests/machines/programs.sh rules-examples tests/golden tests/packets ./*.md -newer "$1.said" -print -quit)" ] && exit
        if ! bash tests/machines/programs.sh "$1" >"$1.new" 2>&1; then
            cat "$1.new"
            exit 1
        fi
        mv "$1.new" "$1.said"
    ) 8>"$1.lock"
}
