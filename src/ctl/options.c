#include "ctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define USUAL_PATH "/run/dgramd/admin.sock"

static const struct {
	const char *name, *argument, *help;
	char letter;
} options_table[] = {
	{ "socket", "PATH", "the daemon's admin.socket ($DGRAM_ADMIN, or " USUAL_PATH ")", 's' },
	{ "json", NULL, "print what the daemon said, for scripts", 'j' },
	{ "completions", "SHELL", "print completions for bash, zsh or fish", 'c' },
	{ "help", NULL, "print this help", 'h' },
	{ "version", NULL, "print the version", 'V' },
};

#define OPTIONS_COUNT (sizeof(options_table) / sizeof(options_table[0]))

/* `words`: what its argument may be; NULL: it has none. */
static const struct {
	const char *name, *words, *help;
} commands[CTL_COMMANDS] = {
	[CTL_STATUS] = { "status", NULL, "how it is, in four lines" },
	[CTL_WORKERS] = { "workers", NULL, "what each thread that runs handlers does" },
	[CTL_TOP] = { "top", NULL, "the same, each second, until q is pressed" },
	[CTL_DROPS] = { "drops", NULL, "why datagrams got no answer, how many, and what to do" },
	[CTL_TALKERS] = { "talkers", NULL, "who asks most: the last full window of each queue" },
	[CTL_PING] = { "ping", NULL, "send a datagram to each address, which is a real request" },
	[CTL_CONFIG] = { "config", NULL, "the configuration in force" },
	[CTL_RELOAD] = { "reload", NULL, "read the configuration again" },
	[CTL_UPGRADE] = { "upgrade", NULL, "start the program again, to take its place" },
	[CTL_LOG_LEVEL] = { "log-level", "error warn info debug",
		"log from this level on, until the next reload" },
	[CTL_DRAIN] = { "drain", NULL, "say that it is not ready, so that others are asked" },
	[CTL_UNDRAIN] = { "undrain", NULL, "say that it is ready again" },
};

static int refuse_word(const char *what, const char *word)
{
	(void)fprintf(stderr, "dgramctl: %s: %s; see dgramctl --help\n", what, word);
	return -EINVAL;
}

static void make_letters(struct option *longs, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		longs[i] = (struct option){
			.name = options_table[i].name,
			.has_arg = options_table[i].argument != NULL ? required_argument
								     : no_argument,
			.val = options_table[i].letter,
		};
		if (options_table[i].letter != 'h' && options_table[i].letter != 'V')
			continue;
		*letters++ = options_table[i].letter;
	}
	longs[OPTIONS_COUNT] = (struct option){ 0 };
	*letters = '\0';
}

/* The library names a letter that is none, but nothing of `--what`, and of `--json=yes` the letter of --json. Until all
 * letters of a word are read, `word` is the one before it. */
static int refuse_option(const char *word)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	bool is_long = optopt == 0;

	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		is_long |= options_table[i].letter == optopt && strncmp(word, "--", 2) == 0;
	return refuse_word("unknown option", is_long ? word : letter);
}

static int take_letter(struct ctl_options *options, int letter, char **argv)
{
	switch (letter) {
	case 's':
		options->socket = optarg;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'c':
		options->command = CTL_COMPLETIONS;
		options->argument = optarg;
		return 0;
	case 'h':
		options->command = CTL_HELP;
		return 0;
	case 'V':
		options->command = CTL_VERSION;
		return 0;
	case ':':
		return refuse_word("the option needs an argument", argv[optind - 1]);
	default:
		return refuse_option(argv[optind - 1]);
	}
}

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (words != NULL && *words != '\0') {
		size_t next = strcspn(words, " ");

		if (next == length && memcmp(words, word, length) == 0)
			return true;
		words += next + (words[next] == ' ');
	}
	return false;
}

static int take_command(struct ctl_options *options, char **words)
{
	unsigned i = 0;

	if (words[0] == NULL)
		return refuse_word("a command is missing", "status for example");
	while (i < CTL_COMMANDS && strcmp(commands[i].name, words[0]) != 0)
		i++;
	if (i == CTL_COMMANDS)
		return refuse_word("unknown command", words[0]);
	options->command = (enum ctl_command)i;
	options->argument = commands[i].words != NULL ? words[1] : NULL;
	if (commands[i].words != NULL && words[1] == NULL)
		return refuse_word("the command needs one of", commands[i].words);
	if (commands[i].words != NULL && !has_word(commands[i].words, words[1]))
		return refuse_word("it must be one of", commands[i].words);
	words += commands[i].words != NULL ? 2 : 1;
	return words[0] != NULL ? refuse_word("unexpected argument", words[0]) : 0;
}

/* The library takes an empty one for another kind of socket, and a long one for a host. */
static int check_path(const char *path)
{
	static const struct sockaddr_un address;

	if (path[0] != '\0' && strlen(path) < sizeof(address.sun_path))
		return 0;
	return refuse_word("the path of a socket has 1 to 107 bytes, not", path);
}

int options_read(int argc, char **argv, struct ctl_options *ret_options)
{
	const char *path = getenv("DGRAM_ADMIN");
	struct ctl_options options = { .command = CTL_COMMANDS,
		.socket = path != NULL && path[0] != '\0' ? path : USUAL_PATH };
	struct option longs[OPTIONS_COUNT + 1];
	char letters[OPTIONS_COUNT + 2];
	int letter, error = 0;

	make_letters(longs, letters);
	while (error == 0 && (letter = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		error = take_letter(&options, letter, argv);
	if (error == 0 && options.command == CTL_COMMANDS)
		error = take_command(&options, argv + optind);
	if (error == 0 && options.command < CTL_COMMANDS)
		error = check_path(options.socket);
	*ret_options = options;
	return error;
}

void options_print_help(FILE *file)
{
	(void)fputs("usage: dgramctl [--socket PATH] [--json] COMMAND\n\n"
		    "Looks at a running dgramd, and steers it.\n\n",
		file);
	for (unsigned i = 0; i < CTL_COMMANDS; i++)
		(void)fprintf(file, "  %s%-*s %s\n", commands[i].name,
			21 - (int)strlen(commands[i].name),
			commands[i].words != NULL ? " LEVEL" : "", commands[i].help);
	(void)fputs("\n", file);
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const char *argument = options_table[i].argument != NULL ? options_table[i].argument
									 : "";

		(void)fprintf(file, "  --%s %-*s %s\n", options_table[i].name,
			18 - (int)strlen(options_table[i].name), argument, options_table[i].help);
	}
	(void)fputs("\nSee dgramctl(1).\n", file);
}

/* --- completions */

static void complete_bash(FILE *file)
{
	(void)fputs("_dgramctl() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]}\n"
		    "\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n"
		    "\t--socket) mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;\n"
		    "\t--completions) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "
		    "\"$word\"); return ;;\n",
		file);
	for (unsigned i = 0; i < CTL_COMMANDS; i++)
		if (commands[i].words != NULL)
			(void)fprintf(file,
				"\t%s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\"); "
				"return ;;\n",
				commands[i].name, commands[i].words);
	(void)fputs("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W '", file);
	for (unsigned i = 0; i < CTL_COMMANDS; i++)
		(void)fprintf(file, "%s ", commands[i].name);
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		(void)fprintf(file, "%s--%s", i > 0 ? " " : "", options_table[i].name);
	(void)fputs("' -- \"$word\")\n}\ncomplete -F _dgramctl dgramctl\n", file);
}

static void complete_zsh(FILE *file)
{
	(void)fputs("#compdef dgramctl\n_arguments \\\n", file);
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		(void)fprintf(file, "\t'--%s[%s]%s' \\\n", options_table[i].name,
			options_table[i].help,
			options_table[i].letter == 's'	 ? ":path:_files"
			: options_table[i].letter == 'c' ? ":shell:(bash zsh fish)"
							 : "");
	(void)fputs("\t'1:command:((", file);
	for (unsigned i = 0; i < CTL_COMMANDS; i++)
		(void)fprintf(file, "%s%s\\:\"%s\"", i > 0 ? " " : "", commands[i].name,
			commands[i].help);
	(void)fprintf(file, "))' \\\n\t'2:level:(%s)'\n", commands[CTL_LOG_LEVEL].words);
}

static void complete_fish(FILE *file)
{
	(void)fputs("complete -c dgramctl -f\n", file);
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		(void)fprintf(file, "complete -c dgramctl -l %s%s -d '%s'\n", options_table[i].name,
			options_table[i].letter == 's'	 ? " -r -F"
			: options_table[i].letter == 'c' ? " -x -a 'bash zsh fish'"
							 : "",
			options_table[i].help);
	for (unsigned i = 0; i < CTL_COMMANDS; i++) {
		(void)fprintf(file, "complete -c dgramctl -n __fish_use_subcommand -a %s -d '%s'\n",
			commands[i].name, commands[i].help);
		if (commands[i].words != NULL)
			(void)fprintf(file,
				"complete -c dgramctl -n '__fish_seen_subcommand_from %s' -a '%s'\n",
				commands[i].name, commands[i].words);
	}
}

int options_print_completions(const char *shell, FILE *file)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *file);
	} shells[] = { { "bash", complete_bash }, { "zsh", complete_zsh },
		{ "fish", complete_fish } };

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].shell, shell) == 0) {
			shells[i].print(file);
			return 0;
		}
	return refuse_word("--completions takes bash, zsh or fish, not", shell);
}
