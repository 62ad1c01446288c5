#compdef shipit
# Completion of shipit for zsh: source <(shipit completion zsh), after compinit
_shipit() {
	local line name suffix
	local -a names
	for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		name=${line%%$'\t'*}
		case $name in
		'') ;;
		:files*)
			suffix=${name#:files}
			_files -g "*${suffix}(-.)"
			;;
		*)
			if [[ $line == *$'\t'* ]]; then
				names+=("${name//:/\\:}:${line#*$'\t'}")
			else
				names+=("${name//:/\\:}")
			fi
			;;
		esac
	done
	(( ${#names} )) && _describe shipit names
	return 0
}
(( $+functions[compdef] )) && compdef _shipit shipit
