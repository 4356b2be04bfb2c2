/* The program: finds the sub-command and runs it. Exit codes: 0 done, 1 failed, 2 wrong use. */
#include "cli/command.h"
#include "core/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int mixent_wrong_use(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("mixent: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return MIXENT_EXIT_WRONG_USE;
}

int mixent_failed(mixent_status status) {
  fflush(stdout);
  fprintf(stderr, "mixent: %s\n", mixent_last_error());
  return status == MIXENT_ERROR_ARGUMENT ? MIXENT_EXIT_WRONG_USE : MIXENT_EXIT_FAILED;
}

const mixent_command *mixent_command_find(const mixent_command *const *commands, const char *group,
                                          const char *name) {
  enum { MOST = 32 };
  const char *names[MOST + 1];
  int count = 0;
  for (; commands[count] && count < MOST; count++) {
    names[count] = commands[count]->name + strlen(group);
    if (strcmp(names[count], name) == 0) return commands[count];
  }
  names[count] = NULL;
  const char *nearest = mixent_nearest_name(name, names);
  if (nearest)
    mixent_wrong_use("unknown command '%s%s'; did you mean '%s%s'?", group, name, group, nearest);
  else
    mixent_wrong_use("unknown command '%s%s'; 'mixent help%s%.*s' lists those there are", group, name,
                     *group ? " " : "", (int)strcspn(group, " "), group);
  return NULL;
}

static int run_program(int argc, char **argv) {
  if (argc < 2) return mixent_wrong_use("say what to do; 'mixent help' lists the commands");
  char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    mixent_program_help_print();
    return MIXENT_EXIT_DONE;
  }
  if (strcmp(name, "--version") == 0) name = "version";
  const mixent_command *command = mixent_command_find(mixent_commands, "", name);
  return command ? mixent_command_run(command, argc - 2, argv + 2) : MIXENT_EXIT_WRONG_USE;
}

int main(int argc, char **argv) {
  int code = run_program(argc, argv);
  /* What was printed must have arrived: a full disk behind '>' is a failure too. */
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "mixent: writing to standard output failed: %s\n", strerror(errno));
    if (code == MIXENT_EXIT_DONE) code = MIXENT_EXIT_FAILED;
  }
  return code;
}
