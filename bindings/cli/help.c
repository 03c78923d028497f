#include "options.h"
#include "help.h"
#include <limits.h>
#include <string.h>
#include "report.h"
#include "terminal.h"

enum { OPTION_WIDTH = 34 };

const struct command commands[] = {
    { "classify", CLASSIFY, classify, NULL, 1, 0, "SCAN...",
      "Say which class of tumour a scan shows, and how sure that is",
      "SCAN is a post-contrast T1 volume: NIfTI-1 or -2, .nii, .nii.gz or .hdr with .img.\n"
      "In OUT and in --mask's FILE, {scan} becomes each scan's name without its ending;\n"
      "with more than one scan it must be in OUT.\n" },
    { "batch", BATCH, batch, NULL, 0, 0, "INPUT... -o OUT",
      "Classify many scans into one table; stopped, it goes on where it was",
      "INPUT is a folder with scans at any depth, a BIDS tree, of which T1w volumes are\n"
      "taken, or a scan. What OUT holds already is not run again.\n"
      "In --attention, --overlay and --mask, {scan} becomes each scan's name without its\n"
      "ending; in the first two {key} becomes its key, for scans that share a name.\n" },
    { "preprocess", PREPROCESS, preprocess, NULL, 1, 0, "SCAN...",
      "Write what the network reads: the scan as it is prepared",
      "In OUT and in --mask's FILE, {scan} becomes each scan's name without its ending;\n"
      "with more than one scan it must be in OUT.\n" },
    { "info", INFO, info, NULL, 0, 1, "[MODEL|SCAN]", "Show what a model or a scan says about itself",
      "Without a file: the model that ships with the library.\n" },
    { "selftest", SELFTEST, selftest, NULL, 0, -1, "", "Hold every instruction set against the model's known answer",
      "The model's file says what comes out for a synthetic scan, as other software\n"
      "computed it.\n" },
    { "doctor", DOCTOR, doctor, NULL, 0, -1, "", "Show what belongs into a bug report",
      "Version, processor, threads and what limits them, memory, plugins, models found.\n" },
    { "evaluate", 0, NULL, evaluate, 0, 0, "--truth FILE --out FOLDER",
      "Hold predicted classes against the truth, as a report", "" },
};
const size_t command_count = sizeof commands / sizeof *commands;

static void show_exit_codes(FILE *stream)
{
    fputs("Exit codes, the largest that applies:\n"
          "  0    every scan was answered\n"
          "  1    at least one scan failed\n"
          "  2    wrong usage; nothing was done\n"
          "  3    the model or the device failed\n"
          "  4    an output could not be written\n"
          "  130  interrupted (128 + the signal's number)\n",
          stream);
}

void show_help(FILE *stream)
{
    fputs("Usage: tumorclass COMMAND [OPTIONS] [FILE...]\n\n"
          "Classify post-contrast T1 MRI scans of the head, and show what the answer rests on.\n\nCommands:\n",
          stream);
    for (size_t i = 0; i < command_count; i++) fprintf(stream, "  %-12s%s\n", commands[i].name, commands[i].purpose);
    fputs("  help        Show the help of a command: tumorclass help classify\n"
          "  NAME        Run any program tumorclass-NAME on the PATH\n\n"
          "Options:\n  -h, --help     show this help\n  -V, --version  show the version\n\n",
          stream);
    show_exit_codes(stream);
    fprintf(stream, "\n%s\n", DISCLAIMER);
}

static void show_option(FILE *stream, const struct option_row *row)
{
    char left[64];
    const char *equals = row->argument ? "=" : "", *argument = row->argument ? row->argument : "";
    if (row->letter > UCHAR_MAX)
        snprintf(left, sizeof left, "      --%s%s%s", row->name, equals, argument);
    else
        snprintf(left, sizeof left, "  -%c, --%s%s%s", row->letter, row->name, equals, argument);
    fprintf(stream, "%-*s", OPTION_WIDTH, left);
    put_wrapped(stream, row->help, OPTION_WIDTH, stream_style(stream).width);
}

void show_command_help(FILE *stream, const struct command *command)
{
    fprintf(stream, "Usage: tumorclass %s [OPTIONS]%s%s\n\n%s.\n%s\nOptions:\n", command->name,
            *command->files ? " " : "", command->files, command->purpose, command->details);
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & command->bit) show_option(stream, &option_rows[i]);
    putc('\n', stream);
    show_exit_codes(stream);
    fprintf(stream, "\n%s\n", DISCLAIMER);
}
