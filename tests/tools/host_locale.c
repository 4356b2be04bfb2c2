/* Linked into every unit test: with MIXENT_TEST_LOCALE the test runs as a library does in a host that has set a locale.
 * Messages of the system stay English, for tests look for their words. Exit code 77, "skipped", where there is no such
 * locale. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void take_locale(void) {
  const char *name = getenv("MIXENT_TEST_LOCALE");
  if (!name) return;
  if (!setlocale(LC_ALL, name)) {
    fprintf(stderr, "there is no locale %s here (localedef makes it)\n", name);
    exit(77);
  }
  setlocale(LC_MESSAGES, "C");
}

/* glibc keeps what it made of LOCPATH: no leak of ours. LeakSanitizer asks for this. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:argz_add_sep\n";
}
