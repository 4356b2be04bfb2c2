/* A graph by the name of a built-in network, or from a file. */
#include "core/content.h"
#include "core/embedded.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/status.h"
#include "net/graph/graph.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NETWORKS = 64, MAX_FILE_BYTES = 1 << 20 };

static const char *network_names[MAX_NETWORKS + 1];

static void collect_names(void) {
  for (int i = 0; i < MAX_NETWORKS && mixent_embedded_networks[i].name; i++)
    network_names[i] = mixent_embedded_networks[i].name;
}

const char *const *mixent_graph_names(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, collect_names);
  return network_names;
}

static bool names_a_file(const char *name) {
  size_t length = strlen(name);
  return strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".yaml") == 0);
}

static mixent_status fail_unknown(const char *name) {
  if (mixent_is_file(name))
    MIXENT_TRY(mixent_content_check_file(name, "a network (its name, or a .yaml file)"));
  const char *nearest = mixent_nearest_name(name, mixent_graph_names());
  if (nearest)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "unknown network '%s'; did you mean '%s'?", name, nearest);
  mixent_text known = {0};
  mixent_text_append_names(&known, mixent_graph_names());
  mixent_status status = mixent_text_status(&known);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "unknown network '%s'; known: %s, or the path of a .yaml file", name, known.data);
  mixent_text_free(&known);
  return status;
}

static const mixent_embedded *find_builtin(const char *name) {
  const mixent_embedded *network = mixent_embedded_networks;
  while (network->name && strcmp(network->name, name) != 0) network++;
  return network->name ? network : NULL;
}

mixent_status mixent_graph_check_name(const char *name_or_file) {
  if (names_a_file(name_or_file))
    return mixent_content_check_file(name_or_file, "a network's description (YAML)");
  return find_builtin(name_or_file) ? MIXENT_OK : fail_unknown(name_or_file);
}

mixent_status mixent_graph_open(const char *name_or_file, const mixent_graph_options *options,
                                mixent_graph **out) {
  MIXENT_NEED(name_or_file);
  MIXENT_NEED(options);
  MIXENT_NEED(out);
  *out = NULL;
  MIXENT_TRY(mixent_graph_check_name(name_or_file));
  if (names_a_file(name_or_file)) {
    char *text;
    size_t size;
    MIXENT_TRY(mixent_file_read(name_or_file, MAX_FILE_BYTES, &text, &size));
    mixent_status status =
        strlen(text) == size
            ? mixent_graph_parse(text, name_or_file, options, out)
            : mixent_fail(MIXENT_ERROR_FORMAT, "%s: holds zero bytes; it is no text", name_or_file);
    free(text);
    return status;
  }
  return mixent_graph_parse(find_builtin(name_or_file)->text, name_or_file, options, out);
}
