/* tumorclass-cohort: synthetic heads with and without tumours, from label maps to NIfTI scans. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "../../bindings/cli/terminal.h"
#include "cohort.h"

const struct command commands[] = {
    { "prepare", PREPARE, prepare, "LABELS", "Read label maps once, and keep what heads are made from",
      "LABELS is a folder of NIfTI label maps. What FOLDER has already is not made again.\n" },
    { "generate", GENERATE, generate, "PREPARED", "Draw a cohort: scans, lesion masks and participants.tsv",
      "PREPARED is what prepare wrote, or the folder of label maps itself (slower).\n"
      "The same options give the same bytes, whatever the threads and portions; stopped,\n"
      "it goes on where it was.\n" },
    { "sheet", SHEET, contact_sheets, "COHORT", "Draw pictures of a cohort's scans: planes through the lesion",
      "Each row is one scan, three planes, and beside them the same with its tumour's\n"
      "outline. COHORT is a folder that generate wrote.\n" },
    { "sites", SITES, draw_sites, "PREPARED", "Draw where each anatomy's tumours start, and what was constructed in it",
      "One picture an anatomy.\n" },
};
const int command_count = sizeof commands / sizeof *commands;

void show_help(void)
{
    puts("Usage: tumorclass-cohort COMMAND [OPTIONS] INPUT -o OUTPUT\n\n"
         "Draw synthetic heads with and without tumours, as post-contrast T1 scans show them.\n\nCommands:");
    for (int i = 0; i < command_count; i++) printf("  %-10s%s\n", commands[i].name, commands[i].purpose);
    puts("  help      Show the help of a command: tumorclass-cohort help generate\n\n"
         "Exit codes, the largest that applies:\n"
         "  0    all was done\n"
         "  1    a label map or a cohort could not be used\n"
         "  2    wrong usage; nothing was done\n"
         "  3    there is no memory\n"
         "  4    an output could not be written\n"
         "  130  interrupted (128 + the signal's number)\n\n"
         "No scan that it draws is of a patient, nor evidence about patients.");
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < command_count; i++)
        if (!strcmp(commands[i].name, name)) return &commands[i];
    return NULL;
}

static int run(const struct command *command, int count, char **arguments)
{
    struct settings settings;
    const int code = read_settings(&settings, command, count, arguments);
    if (code == ANSWERED && settings.help) {
        show_command_help(command);
        return ANSWERED;
    }
    if (code == ANSWERED) return command->run(&settings);
    complain("'tumorclass-cohort %s --help' shows how it is used", command->name);
    return code;
}

static int dispatch(int count, char **arguments)
{
    const char *name = count ? arguments[0] : "--help";
    const bool asks = !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help");
    const struct command *command = find_command(asks && count > 1 ? arguments[1] : name);
    if (asks && command)
        show_command_help(command);
    else if (asks)
        show_help();
    else if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        puts("tumorclass-cohort " TUMORCLASS_VERSION_STRING);
    else if (command)
        return run(command, count, arguments);
    else {
        complain("'%s' is not a command of tumorclass-cohort; --help lists them", name);
        return WRONG_USAGE;
    }
    return count ? ANSWERED : WRONG_USAGE;
}

int main(int count, char **arguments)
{
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an output that could not be written, */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that grows beyond what ulimit allows */
    const int code = dispatch(count - 1, arguments + 1);
    const int flushed = fflush(stdout), error = errno;
    if (!flushed && !ferror(stdout)) return code;
    complain("standard output cannot be written: %s", strerror(error));
    return code > OUTPUT_FAILED ? code : OUTPUT_FAILED;
}
