# Completion of preyc, preyrun and preyctl in bash. It has no list of its own: options, commands and what they take are
# what `--help` of the program on the line says; servers and instances are those that run.

# _prey_rows PROGRAM: each option and command of its --help, and behind it what it takes: `--format text|json`.
_prey_rows() {
    "$1" --help 2>/dev/null </dev/null | sed -nE '
        s/^  (-.), (--[-a-z]+)([= ]([^ ]+))?( .*)?$/\1 \4\n\2 \4/p; t
        s/^  (-[-a-z]+)([= ]([^ ]+))?( .*)?$/\1 \3/p; t
        /^  [a-z]/ { s/^  //; s/  .*//; p }'
}

# _prey_options ARGUMENTS: the options among a command's arguments, as such rows: of `NEW [--save] [--confirm D]`
# `--save` and `--confirm D`.
_prey_options() {
    local word option=''
    for word in $1; do
        if [[ $option ]]; then
            echo "$option ${word%]}"
            option=''
        elif [[ $word == '['-*']' ]]; then
            word=${word#[}
            echo "${word%]}"
        elif [[ $word == -* || $word == '['-* ]]; then
            option=${word#[}
        fi
    done
}

# _prey_values TAKES BEGUN PREYCTL...: a line each, what --help calls TAKES; of files those that begin so.
_prey_values() {
    local takes=$1 begun=$2 name
    shift 2
    case $takes in
    IF | IF,... | IF:IF)
        for name in /sys/class/net/*; do
            name=${name##*/}
            case $takes:$begun in
            IF:IF:*:*) echo "${begun%%:*}:$name" ;;
            IF:IF:*) echo "$name:" ;;
            IF,...:*,*) echo "${begun%,*},$name" ;;
            *) echo "$name" ;;
            esac
        done
        ;;
    NAME)
        for name in "/run/prey/$(stat -L -c %i /proc/self/ns/net)"/*.sock; do
            [[ ! -S $name ]] || basename "$name" .sock
        done
        ;;
    SERVICE) "$@" status 2>/dev/null </dev/null | awk '/^service .*  -> / { print $2 }' ;;
    POOL/SERVER) "$@" servers 2>/dev/null </dev/null | cut -d' ' -f1 ;;
    *.prey) compgen -f -X '!*.prey' -- "$begun"; compgen -f -X '!*.pbc' -- "$begun"; compgen -d -- "$begun" ;;
    *.pbc) compgen -f -X '!*.pbc' -- "$begun"; compgen -d -- "$begun" ;;
    DIR) compgen -d -- "$begun" ;;
    FILE* | PATH | *.pcap*) compgen -f -- "$begun" ;;
    *) tr -s '|[] ' '\n' <<<"$takes" | grep '^[a-z]' ;;
    esac
}

_prey() {
    local -A takes=() # by option and command
    local -a words preyctl=("${COMP_WORDS[0]/#\~/$HOME}")
    local line=${COMP_LINE:0:COMP_POINT} word rest option='' command='' count=0 what='' offered
    read -ra words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    while read -r word rest; do takes[$word]=$rest; done < <(_prey_rows "${preyctl[0]}")

    # What stands before: options and their values, a command, its arguments.
    for word in "${words[@]:1:${#words[@]}-2}"; do
        if [[ $option ]]; then
            [[ $option != --name && $option != --control ]] || preyctl+=("$option" "$word")
            option=''
        elif [[ $word == -* ]]; then
            [[ $word != --name=* && $word != --control=* ]] || preyctl+=("$word")
            [[ ! ${takes[$word]-} ]] || option=$word
        elif [[ $command ]]; then
            count=$((count + 1))
        elif [[ ${takes[status]+is} ]]; then
            command=$word
            while read -r word rest; do takes[$word]=$rest; done < <(_prey_options "${takes[$command]-}")
        fi
    done

    # What may stand here.
    local begun=${words[-1]} before=''
    if [[ ! $option && $begun == --*=* ]]; then
        option=${begun%%=*} before=$option= begun=${begun#*=}
    fi
    if [[ $option ]]; then
        what=${takes[$option]-}
    elif [[ $begun == -* ]]; then
        offered=$(printf '%s\n' "${!takes[@]}" | grep '^-')
    elif [[ $command ]]; then
        what=${takes[$command]-}
        case $count in
        0) what=${what%% *} ;;
        1) case $what in 'service NAME') what=SERVICE ;; *' '*) what=${what#* } ;; *) what='' ;; esac ;;
        *) what='' ;;
        esac
    elif [[ ${takes[status]+is} ]]; then
        offered=$(printf '%s\n' "${!takes[@]}" | grep -v '^-')
    elif [[ ${preyctl[0]##*/} == preyc ]]; then
        what=RULES.prey
    else
        what=RULES.pbc
    fi
    offered=${offered-$(_prey_values "$what" "$begun" "${preyctl[@]}")}

    # Bash takes the place of what stands behind the last `=` or `:` alone, where these part words.
    local parts=${COMP_WORDBREAKS//[^=:]/} all=$before$begun kept=''
    [[ ! $parts ]] || kept=${all%"${all##*["$parts"]}"}
    COMPREPLY=()
    while IFS= read -r word; do
        [[ $word && $word == "$begun"* ]] || continue
        word=$before$word
        COMPREPLY+=("${word#"$kept"}")
    done <<<"$offered"
    case $what in FILE* | DIR | PATH | *.p*) compopt -o filenames ;; esac
    [[ $what != IF:IF || $begun == *:* ]] || compopt -o nospace
}
complete -F _prey preyc preyrun preyctl
