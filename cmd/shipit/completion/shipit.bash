# Completion of shipit for bash: source <(shipit completion bash)
_shipit() {
	local cur=${COMP_WORDS[COMP_CWORD]} line name
	COMPREPLY=()
	# Bash breaks words at = and :, which file names and tags may hold.
	local typed=${COMP_LINE:0:COMP_POINT} words=()
	read -ra words <<<"$typed"
	[[ $typed == *[[:space:]] ]] && words+=("")
	local last=${words[${#words[@]}-1]}
	local prefix=${last%"$cur"}
	while IFS= read -r line; do
		name=${line%%$'\t'*}
		case $name in
		:files*)
			local suffix=${name#:files} file
			while IFS= read -r file; do
				if [[ -d $file ]]; then
					COMPREPLY+=("$file/")
				elif [[ $file == *"$suffix" ]]; then
					COMPREPLY+=("$file")
				fi
			done < <(compgen -f -- "$cur")
			compopt -o filenames 2>/dev/null
			;;
		*)
			COMPREPLY+=("${name#"$prefix"}")
			;;
		esac
	done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=.] ]]; then
		compopt -o nospace 2>/dev/null
	fi
	return 0
}
complete -F _shipit shipit
