/* Text files that travel inside the library: built-in networks and recipes (see cmake/embed.cmake). */
#ifndef MIXENT_CORE_EMBEDDED_H
#define MIXENT_CORE_EMBEDDED_H

typedef struct mixent_embedded {
  const char *name, *text; /* both NULL after the last */
} mixent_embedded;

extern const mixent_embedded mixent_embedded_networks[];   /* src/net/networks */
extern const mixent_embedded mixent_embedded_recipes[];    /* recipes */
extern const mixent_embedded mixent_embedded_confusions[]; /* src/data/noise, by data set */
extern const mixent_embedded mixent_embedded_c[];          /* src/model/exported */
extern const mixent_embedded mixent_embedded_styles[];     /* src/lab/report; one each */
extern const mixent_embedded mixent_embedded_scripts[];
extern const mixent_embedded mixent_embedded_page_styles[]; /* src/model/page; one */
extern const mixent_embedded mixent_embedded_page_scripts[];
extern const mixent_embedded mixent_embedded_studies[]; /* recipes/studies */

#endif
