# Completion of mixent and mixent-sweep in fish. The programs themselves say what may follow (src/cli/complete.c,
# python/mixent/sweep/words.py).

function __mixent_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for line in ($program complete -- $words $current 2>/dev/null)
        if test "$line" = :files
            set -l key (string match -r '^[^=]*=' -- $current)
            for path in (__fish_complete_path (string replace -r '^[^=]*=' '' -- $current))
                echo "$key$path"
            end
        else
            echo $line
        end
    end
end
complete -c mixent -f -k -a '(__mixent_complete)'
complete -c mixent-sweep -f -k -a '(__mixent_complete)'
