# Completion of shipit for fish: shipit completion fish | source
function __shipit_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] $current 2>/dev/null)
        if string match -q ':files*' -- $line
            __fish_complete_suffix (string replace ':files' '' -- $line)
        else
            echo $line
        end
    end
end
complete -c shipit -f -a '(__shipit_complete)'
