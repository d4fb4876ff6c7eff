# Completion of preyc, preyrun and preyctl in fish. It has no list of its own: what bash offers (../bash/) is offered here.
set -g __prey_offered (status dirname)/../bash/offered
test -x $__prey_offered; or set -g __prey_offered @LIBDIR@/offered

function __prey_offered_here
    $__prey_offered (string join ' ' -- (commandline -opc) (commandline -ct)) 2>/dev/null
end

for program in preyc preyrun preyctl
    complete -c $program -f -a '(__prey_offered_here)'
end
