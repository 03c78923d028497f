/* tumorclass: which command is meant. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "options.h"
#include "help.h"
#include "json.h"
#include "terminal.h"

/* A file must never be opened as descriptor 0, 1 or 2 and then be taken for a standard stream. */
static void fill_standard_descriptors(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", descriptor ? O_RDONLY : O_WRONLY) < 0)
            _exit(OUTPUT_FAILED);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (!strcmp(commands[i].name, name)) return &commands[i];
    return NULL;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, of words short enough for the table. */
static int distance_between(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    int row[LONGEST + 1];
    const int rows = (int)strlen(a), columns = (int)strlen(b);
    if (rows > LONGEST || columns > LONGEST) return LONGEST;
    for (int j = 0; j <= columns; j++) row[j] = j;
    for (int i = 1; i <= rows; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= columns; j++) {
            const int changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(changed, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[columns];
}

static const char *nearest_command(const char *name)
{
    const char *nearest = "help";
    int best = distance_between(name, nearest);
    for (size_t i = 0; i < command_count; i++) {
        const int distance = distance_between(name, commands[i].name);
        if (distance >= best) continue;
        best = distance;
        nearest = commands[i].name;
    }
    return best <= 1 + (int)strlen(nearest) / 3 ? nearest : NULL;
}

static int unknown_command(const char *name)
{
    const char *nearest = nearest_command(name);
    complain("'%s' is not a command of tumorclass", name);
    if (nearest)
        complain("did you mean 'tumorclass %s'?", nearest);
    else if (!access(name, R_OK))
        complain("did you mean 'tumorclass classify %s'?", name);
    else
        complain("'tumorclass --help' lists them");
    return WRONG_USAGE;
}

/* Run tumorclass-NAME from the PATH in our place; comes back only if there is none. */
static int run_plugin(char **arguments)
{
    char program[256];
    char *const name = arguments[0];
    const int length = snprintf(program, sizeof program, "tumorclass-%s", name);
    if (!*name || strchr(name, '/') || length >= (int)sizeof program) return unknown_command(name);
    arguments[0] = program;
    execvp(program, arguments);
    arguments[0] = name;
    if (errno == ENOENT) return unknown_command(name);
    complain("%s cannot be run: %s", program, strerror(errno));
    return WRONG_USAGE;
}

static int check_counts(const struct command *command, const struct options *options)
{
    const size_t count = options->file_count;
    if (count < (size_t)command->least_files)
        complain("%s needs a SCAN", command->name);
    else if (command->most_files < 0 && count)
        complain("%s takes no file", command->name);
    else if (command->most_files > 0 && count > (size_t)command->most_files)
        complain("%s takes one file, not %zu", command->name, count);
    else if (options->model_count > 1 && !(command->bit & ENSEMBLES))
        complain("%s takes one --model, not %zu", command->name, options->model_count);
    else
        return ANSWERED;
    return WRONG_USAGE;
}

static int run_command(const struct command *command, int count, char **arguments)
{
    struct options options;
    int code = read_command_options(&options, command->bit, count, arguments);
    if (code == ANSWERED && options.help) {
        show_command_help(stdout, command);
        return ANSWERED;
    }
    if (code == ANSWERED) code = check_counts(command, &options);
    if (code == ANSWERED) return command->run(&options);
    complain("'tumorclass %s --help' shows how it is used", command->name);
    return code;
}

static int help(char **arguments)
{
    static char help_option[] = "--help";
    const struct command *command = arguments[1] ? find_command(arguments[1]) : NULL;
    if (command && command->become) return command->become((char *[]){ arguments[1], help_option, NULL });
    if (command)
        show_command_help(stdout, command);
    else if (arguments[1])
        return run_plugin((char *[]){ arguments[1], help_option, NULL });
    else
        show_help(stdout);
    return ANSWERED;
}

static int show_version(void)
{
    const uint32_t number = tumorclass_version_number();
    printf("tumorclass %s", TUMORCLASS_VERSION_STRING);
    if (number != TUMORCLASS_VERSION_NUMBER)
        printf(" (library %u.%u.%u)", number / 1000000, number / 1000 % 1000, number % 1000);
    putchar('\n');
    return ANSWERED;
}

static int dispatch(int count, char **arguments)
{
    const char *name = arguments[0];
    if (!name) {
        show_help(stderr);
        return WRONG_USAGE;
    }
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) return show_version();
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) return help((char *[]){ NULL, NULL });
    if (!strcmp(name, "help")) return help(arguments);
    const struct command *command = find_command(name);
    if (!command) return *name == '-' ? unknown_command(name) : run_plugin(arguments);
    if (command->become) return command->become(arguments);
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an output that could not be written, */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that grows beyond what ulimit allows */
    return run_command(command, count, arguments);
}

int main(int count, char **arguments)
{
    fill_standard_descriptors();
    setlocale(LC_CTYPE, "");
    json_begin();
    const int code = count ? dispatch(count - 1, arguments + 1) : WRONG_USAGE;
    const int flushed = fflush(stdout), error = errno;
    if (!flushed && !ferror(stdout)) return code;
    complain("standard output cannot be written: %s", strerror(error));
    return code > OUTPUT_FAILED ? code : OUTPUT_FAILED;
}
