/* libFuzzer: words, each up to a zero, as a command line: every sub-command is read, none is run. What is ready to run has all it
 * asks for within its bounds. */
#include "cli/commands.h"
#include "cli/parse.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_WORDS = 32 };

static void check_option(const mixent_command_option *option, const void *value) {
  int choices = 0;
  const mixent_setting_list *list = value;
  switch (option->kind) {
  case MIXENT_VALUE_FLAG: break;
  case MIXENT_VALUE_TEXT:
    if (option->fallback && !*(const char *const *)value) abort();
    break;
  case MIXENT_VALUE_WHOLE: {
    long whole = *(const long *)value;
    if ((option->fallback || whole) && (whole < option->low || whole > option->high)) abort();
    break;
  }
  case MIXENT_VALUE_CHOICE:
    while (option->choices[choices]) choices++;
    if (*(const int *)value < 0 || *(const int *)value >= choices) abort();
    break;
  case MIXENT_VALUE_SETTING:
    for (size_t i = 0; i < list->count; i++)
      if (!*list->items[i].key || !list->items[i].value) abort();
  }
}

static void check_call(const mixent_command_call *call) {
  const mixent_command *command = call->command;
  if (!command->run || call->operand_count < command->least_operands) abort();
  if (command->most_operands >= 0 && call->operand_count > command->most_operands) abort();
  if (call->operands[call->operand_count]) abort();
  for (const mixent_command_option *option = command->options; option && option->name; option++)
    check_option(option, (const char *)call->arguments + option->offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static FILE *nowhere;
  char *words[MOST_WORDS + 1], *text = malloc(size + 1);
  mixent_command_call call;
  int count = 0;
  if (!nowhere) stdout = stderr = nowhere = fopen("/dev/null", "w");
  if (!text || !nowhere) abort();
  if (size) memcpy(text, data, size);
  text[size] = 0;
  for (char *word = text; word < text + size && count < MOST_WORDS; word += strlen(word) + 1)
    words[count++] = word;
  words[count] = NULL;
  int code = mixent_command_parse(mixent_commands, count, words, &call);
  if (code == MIXENT_EXIT_NOT_YET)
    check_call(&call);
  else if (code != MIXENT_EXIT_DONE && code != MIXENT_EXIT_WRONG_USE)
    abort();
  mixent_command_call_free(&call);
  free(text);
  return 0;
}
