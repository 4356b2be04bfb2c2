/* The view of a training run: progress line, table of epochs. */
#include "cli/training.h"
#include "cli/events.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "core/printable.h"
#include "peers/peers.h"

#include <math.h>
#include <string.h>

void mixent_training_table_begin(mixent_training_view *view, const char *loss, const char *samples) {
  view->samples = samples;
  view->mix_ent = strncmp(loss, "mix-ent", strlen("mix-ent")) == 0 || strcmp(loss, "kl") == 0;
  mixent_term terms[MIXENT_LOSS_PARTS];
  for (int kind = 0; mixent_loss_names[kind]; kind++)
    if (strcmp(loss, mixent_loss_names[kind]) == 0)
      view->parts = mixent_loss_parts((mixent_loss_kind)kind, terms);
}

static void show_start(void *context, const mixent_train_start *start) {
  mixent_training_view *view = context;
  mixent_training_table_begin(view, start->loss, start->samples);
  if (view->json) {
    mixent_event_training_start(start, &view->position);
    return;
  }
  printf("%s: %s with loss %s on %s, %s, ", mixent_printable(start->recipe), mixent_printable(start->net),
         start->loss, mixent_printable(start->data), start->precision);
  if (start->replicas > 1) printf("%d replicas, ", start->replicas);
  if (mixent_peers_count() > 1) printf("%d ranks, ", mixent_peers_count());
  printf("%d thread%s\n", start->threads, start->threads == 1 ? "" : "s");
  printf("%s %s to train, %s to validate, %s to test, in %d classes; %s parameters\n",
         mixent_text_count(start->train_images), start->samples, mixent_text_count(start->validation_images),
         mixent_text_count(start->test_images), start->classes, mixent_text_count(start->parameters));
  printf("%d epoch%s of %s steps of %d %s; %s for the network; all goes to %s\n", start->epochs,
         start->epochs == 1 ? "" : "s", mixent_text_count((uint64_t)start->steps), start->batch,
         start->samples, mixent_text_bytes((double)start->memory_bytes), mixent_printable(start->run));
  printf("plan %.12s: %s\n", start->plan_hash, mixent_printable(start->plan));
  if (start->first_epoch > 1 || start->first_step > 0)
    printf("going on with epoch %d after step %d\n", start->first_epoch, start->first_step);
  putchar('\n');
  fflush(stdout);
}

static void show_progress(void *context, const mixent_train_progress *now) {
  mixent_training_view *view = context;
  char before[64], after[96];
  if (view->json) mixent_event_training_progress(now, &view->position);
  snprintf(before, sizeof before, "epoch %d/%d", now->epoch, now->epochs);
  snprintf(after, sizeof after, "loss %.3f, %.0f %s/s, %s left", now->loss, now->images_per_second,
           view->samples, mixent_text_duration(now->seconds_left));
  mixent_progress_show(&view->progress, before, now->steps ? (double)now->step / now->steps : 1, after);
}

static void show_scored(void *context, size_t done, size_t images) {
  mixent_training_view *view = context;
  if (view->json) mixent_event_training_scored(done, images, &view->position);
  mixent_progress_count(&view->progress, "scoring", view->samples, done, images);
}

/* A line of the table that grows cell by cell. */
enum { COLUMNS = 16 + MIXENT_LOSS_PARAMETERS }; /* every column there is */
typedef struct row {
  int columns, widths[COLUMNS];
  char text[COLUMNS][24];
} row;

static void add_cell(row *row, int width, const char *format, double value) {
  row->widths[row->columns] = width;
  snprintf(row->text[row->columns++], sizeof row->text[0], format, value);
}

static void add_title(row *row, int width, const char *title) {
  row->widths[row->columns] = width;
  snprintf(row->text[row->columns++], sizeof row->text[0], "%s", title);
}

static void print_row(const row *row) {
  const char *cells[COLUMNS];
  for (int i = 0; i < row->columns; i++) cells[i] = row->text[i];
  mixent_row_print(stdout, row->widths, row->columns, cells);
}

/* A validation score, or "-" where nothing is held out. */
static void add_score(row *row, const mixent_train_epoch *epoch, int width, const char *format,
                      double value) {
  if (epoch && epoch->validation.images)
    add_cell(row, width, format, value);
  else
    add_title(row, width, "-");
}

enum { NARROW = 6, WIDE = 7, WIDEST = 8 };

static void print_titles(const mixent_training_view *view, const mixent_train_epoch *first) {
  row row = {0};
  add_title(&row, 5, "epoch");
  add_title(&row, NARROW, "loss");
  add_title(&row, NARROW, "CE");
  add_title(&row, NARROW, "H");
  if (view->mix_ent) add_title(&row, NARROW, "KL");
  add_title(&row, WIDE, "train %");
  add_title(&row, NARROW, "val %");
  if (first->test.images) add_title(&row, NARROW, "test %");
  add_title(&row, NARROW, "NLL");
  add_title(&row, NARROW, "ECE");
  add_title(&row, NARROW, "Brier");
  add_title(&row, WIDE, "entropy");
  for (int i = 0; i < view->parts && view->weights; i++)
    add_title(&row, NARROW, mixent_loss_parameter_names[i]);
  for (int i = 0; i < view->parts && view->bases; i++)
    add_title(&row, NARROW, mixent_loss_parameter_names[MIXENT_LOSS_PARTS + i]);
  add_title(&row, WIDE, "lr");
  if (view->weights_learned) add_title(&row, WIDE, "lr-w");
  if (view->bases_learned) add_title(&row, WIDE, "lr-b");
  char speed[16];
  snprintf(speed, sizeof speed, "%s/s", view->samples);
  add_title(&row, WIDEST, speed);
  print_row(&row);
}

static void print_epoch(const mixent_training_view *view, const mixent_train_epoch *epoch) {
  const mixent_scores *train = &epoch->train, *validation = &epoch->validation;
  row row = {0};
  add_cell(&row, 5, "%.0f", epoch->epoch);
  add_cell(&row, NARROW, "%.4f", train->loss);
  add_cell(&row, NARROW, "%.4f", train->terms[MIXENT_CE1]);
  add_cell(&row, NARROW, "%.4f", train->terms[MIXENT_H]);
  if (view->mix_ent) add_cell(&row, NARROW, "%.4f", train->terms[MIXENT_KL]);
  add_cell(&row, WIDE, "%.2f", 100 * train->accuracy);
  add_score(&row, epoch, NARROW, "%.2f", 100 * validation->accuracy);
  if (epoch->test.images) add_cell(&row, NARROW, "%.2f", 100 * epoch->test.accuracy);
  add_score(&row, epoch, NARROW, "%.4f", validation->nll);
  add_score(&row, epoch, NARROW, "%.4f", validation->ece);
  add_score(&row, epoch, NARROW, "%.4f", validation->brier);
  add_score(&row, epoch, WIDE, "%.4f", validation->entropy);
  for (int i = 0; i < view->parts && view->weights; i++) add_cell(&row, NARROW, "%.3f", epoch->w[i]);
  for (int i = 0; i < view->parts && view->bases; i++) add_cell(&row, NARROW, "%.4g", epoch->b[i]);
  add_cell(&row, WIDE, "%.3g", epoch->learning_rate);
  if (view->weights_learned) add_cell(&row, WIDE, "%.3g", epoch->weight_learning_rate);
  if (view->bases_learned) add_cell(&row, WIDE, "%.3g", epoch->base_learning_rate);
  add_cell(&row, WIDEST, "%.0f", epoch->images_per_second);
  if (epoch->best) add_title(&row, -4, "best");
  print_row(&row);
}

void mixent_training_table_add(mixent_training_view *view, const mixent_train_epoch *epoch) {
  if (!view->titled) {
    view->weights_learned = epoch->weight_learning_rate > 0;
    view->bases_learned = epoch->base_learning_rate > 0;
    view->weights = view->parts > 1 || view->weights_learned || epoch->w[0] != 1;
    /* A base that is e and stays e is natural logarithms, and no news. */
    bool natural = true;
    for (int i = 0; i < view->parts; i++) natural &= fabs(epoch->b[i] - M_E) < 1e-9;
    view->bases = view->bases_learned || !natural;
    printf("loss, CE, H and train %% are of the training %s; val %%, NLL, ECE, Brier and entropy of those "
           "held out\n",
           view->samples);
    print_titles(view, epoch);
    view->titled = true;
  }
  print_epoch(view, epoch);
}

static void show_epoch(void *context, const mixent_train_epoch *epoch) {
  mixent_training_view *view = context;
  mixent_progress_clear(&view->progress);
  if (view->json) {
    mixent_event_training_epoch(epoch, &view->position);
    return;
  }
  mixent_training_table_add(view, epoch);
  fflush(stdout);
}

static void show_saved(void *context, const mixent_train_saved *saved) {
  const mixent_training_view *view = context;
  if (view->json) mixent_event_training_saved(saved);
}

static void show_warning(void *context, const char *message) {
  mixent_training_view *view = context;
  mixent_progress_clear(&view->progress);
  fflush(stdout);
  mixent_warning_print("%s", message);
  if (view->json) mixent_event_warning(message);
}

void mixent_training_watch(mixent_training_view *view, bool json, mixent_train_options *options) {
  *view = (mixent_training_view){.json = json, .progress = mixent_progress_start(!json)};
  options->stop = mixent_signals_watch("finishing this step and saving");
  options->continued = mixent_signals_continued();
  options->context = view;
  options->started = show_start;
  options->progress = show_progress;
  options->scored = show_scored;
  options->epoch = show_epoch;
  options->saved = show_saved;
  options->warning = show_warning;
}

void mixent_training_end(mixent_training_view *view) {
  mixent_progress_clear(&view->progress);
}

void mixent_training_summary_print(const mixent_train_summary *summary) {
  const mixent_scores *test = &summary->test;
  char views[64] = "";
  if (summary->test_views > 1)
    snprintf(views, sizeof views, ", averaged over %d views of each", summary->test_views);
  printf("\nThe model of epoch %d, on the %s test %s%s: %.2f %% right, NLL %.4f, ECE %.4f, Brier %.4f, "
         "entropy %.4f.\n",
         summary->best_epoch, mixent_text_count(test->images), summary->samples, views, 100 * test->accuracy,
         test->nll, test->ece, test->brier, test->entropy);
  printf("Trained for %s at %.0f %s/s, with %s of memory at most.\n", mixent_text_duration(summary->seconds),
         summary->images_per_second, summary->samples, mixent_text_bytes((double)summary->peak_memory_bytes));
}
