# Completion of mixent in fish. The program itself says what may follow (src/cli/complete.c).

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
