/* `mixent compare --results` on a table that Python holds: the same readers of cells, the same engine. */
#include "native.h"

#include "core/unicode.h"
#include "lab/results/compare.h"
#include "lab/results/epoch.h"
#include "lab/results/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const origin = "results"; /* in messages: results:ROW:COLUMN */

/* Python hands over names in normal form C. */
mixent_status mixent_text_compose(const char *text, char **out) {
  return mixent_copy_text(text, out);
}
mixent_status mixent_text_same(const char *a, const char *b, bool *out) {
  *out = strcmp(a, b) == 0;
  return MIXENT_OK;
}

/* The texts of a tuple of str or None; the tuple keeps them. false with an exception. */
static bool read_texts(PyObject *tuple, Py_ssize_t count, const char **out) {
  if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != count) {
    PyErr_Format(PyExc_TypeError, "expected a tuple of %zd texts", count);
    return false;
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *item = PyTuple_GetItem(tuple, i);
    Py_ssize_t size = 0;
    out[i] = item == Py_None ? NULL : PyUnicode_AsUTF8AndSize(item, &size);
    if (item == Py_None) continue;
    if (!out[i]) return false;
    if (strlen(out[i]) != (size_t)size) {
      PyErr_SetString(PyExc_ValueError, "expected texts without a zero byte");
      return false;
    }
  }
  return true;
}

/* Adds all rows; false with an exception. */
static bool take_rows(PyObject *rows, mixent_results_header *header, const char **texts,
                      mixent_results_field *fields, mixent_results *out) {
  for (Py_ssize_t row = 0; row < PyList_Size(rows); row++) {
    if (!read_texts(PyList_GetItem(rows, row), (Py_ssize_t)header->count, texts)) return false;
    for (size_t i = 0; i < header->count; i++)
      fields[i] = mixent_results_cell_read(texts[i] ? texts[i] : "", (size_t)row + 1, i + 1);
    mixent_status status = mixent_results_take(header, fields, out);
    if (status != MIXENT_OK) return raise_status(status), false;
  }
  return true;
}

static bool read_table(PyObject *names, PyObject *rows, const mixent_results_layout *layout,
                       mixent_results *out) {
  Py_ssize_t count = PyTuple_Size(names);
  if (count < 0 || PyList_Size(rows) < 0) return false;
  if (count > MIXENT_RESULTS_COLUMNS) {
    PyErr_Format(PyExc_ValueError, "%s: expected at most %d columns, got %zd", origin, MIXENT_RESULTS_COLUMNS,
                 count);
    return false;
  }
  if (!PyList_Size(rows)) {
    PyErr_Format(PyExc_ValueError, "%s: expected rows, got none", origin);
    return false;
  }
  const char **titles = calloc(2 * (size_t)count + 1, sizeof *titles);
  mixent_results_field *fields = calloc((size_t)count + 1, sizeof *fields);
  bool good = titles && fields;
  if (!good) PyErr_NoMemory();
  good = good && read_texts(names, count, titles);
  mixent_results_header header = {.origin = origin, .line = 1, .names = titles, .count = (size_t)count};
  out->file = origin;
  for (int left = layout->best ? 2 : 1; left > 0 && good; left--) {
    out->choosing = left == 2; /* the first of two readings finds the best epochs */
    out->rows = 0;
    mixent_status status = mixent_results_find_roles(layout, &header);
    good = status == MIXENT_OK ? take_rows(rows, &header, titles + count, fields, out)
                               : (raise_status(status), false);
    if (out->choosing) mixent_results_choose(layout, out);
  }
  free(fields);
  free(titles);
  return good;
}

/* Adds an item that it takes over to a list that it takes over; NULL where either is. */
static PyObject *append(PyObject *list, PyObject *item) {
  if (list && (!item || PyList_Append(list, item))) Py_CLEAR(list);
  Py_XDECREF(item);
  return list;
}

/* (variant, runs, missing, mean, deviation, low, high, seeds, values) */
static PyObject *make_variant(const mixent_comparison *comparison, size_t data, size_t variant) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_compare_variant *of = &comparison->data[data].variants[variant];
  const mixent_sample *sample = &of->measures[input->primary];
  size_t place = mixent_compare_place(comparison, data, variant);
  PyObject *seeds = PyList_New(0), *values = PyList_New(0);
  for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++) {
    const mixent_compare_run *run = comparison->runs[i];
    seeds = append(seeds, Py_BuildValue("s", run->seed == MIXENT_NO_SEED ? NULL : input->seeds[run->seed]));
    values = append(values, PyFloat_FromDouble(run->values[input->primary]));
  }
  if (!seeds || !values) {
    Py_XDECREF(seeds);
    Py_XDECREF(values);
    return NULL;
  }
  return Py_BuildValue("snnddddNN", input->variants[variant], (Py_ssize_t)sample->count,
                       (Py_ssize_t)of->missing, sample->mean, sample->deviation, sample->low, sample->high,
                       seeds, values);
}

/* The fields of _compare.Pair after `data`. */
static PyObject *make_pair(const mixent_comparison *comparison, const mixent_compare_pair *pair) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_compared *compared = &pair->measures[input->primary];
  const mixent_difference *difference = &compared->difference;
  const mixent_bootstrap *like = &pair->bootstrap;
  PyObject *words = PyUnicode_FromFormat("%s%s%s", pair->words, pair->calibration ? " " : "",
                                         pair->calibration ? pair->calibration : "");
  if (!words) return NULL;
  return Py_BuildValue(
      "ssndddddddddddddddddssNs", input->variants[pair->variant], mixent_compare_test_name(input, compared),
      (Py_ssize_t)pair->seeds, compared->means[0], compared->means[1], difference->mean, difference->error,
      difference->freedom, difference->low, difference->high, difference->t, difference->p, compared->holm,
      pair->equivalence.test.p, pair->equivalence.holm, pair->equivalence.test.within, like->low, like->high,
      like->p, pair->bootstrap_holm, mixent_verdict_name(pair->verdict), mixent_reason_name(pair->reason),
      words, mixent_scope_name(pair->scope));
}

/* [(name, variants, pairs)] by data set */
static PyObject *make_data(const mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  PyObject *all = PyList_New(0);
  for (size_t data = 0; data < input->data_count; data++) {
    PyObject *variants = PyList_New(0), *pairs = PyList_New(0);
    for (size_t i = 0; i < input->variant_count; i++)
      variants = append(variants, make_variant(comparison, data, i));
    for (size_t i = 0; i + 1 < input->variant_count; i++)
      pairs = append(pairs, make_pair(comparison, &comparison->data[data].pairs[i]));
    all =
        append(all, variants && pairs ? Py_BuildValue("sOO", input->data[data].name, variants, pairs) : NULL);
    Py_XDECREF(variants);
    Py_XDECREF(pairs);
  }
  return all;
}

static PyObject *make_estimate(const mixent_estimate *of) {
  return Py_BuildValue("ddd", of->value, of->low, of->high);
}

/* [(variant, data sets, better, effect, improvement, interquartile, words)], the fields of _compare.Across */
static PyObject *make_across(const mixent_comparison *comparison) {
  const mixent_across *across = comparison->across;
  PyObject *all = PyList_New(0);
  for (size_t i = 0; across && i + 1 < comparison->input.variant_count; i++) {
    const mixent_across_pair *pair = &across->pairs[i];
    const mixent_sample *effect = &pair->effect;
    if (!pair->words) continue; /* too few of its data sets */
    all = append(all,
                 Py_BuildValue("snn(ndddd)NNs", comparison->input.variants[pair->variant],
                               (Py_ssize_t)pair->data_sets, (Py_ssize_t)pair->better,
                               (Py_ssize_t)effect->count, effect->mean, effect->deviation, effect->low,
                               effect->high, make_estimate(&pair->improvement),
                               make_estimate(&across->variants[pair->variant].interquartile), pair->words));
  }
  return all;
}

static PyObject *make_metrics(const mixent_results *results, const mixent_results_question *question) {
  PyObject *all = PyDict_New();
  for (size_t i = 0; i < results->columns.count && all; i++) {
    const char *name = results->columns.items[i]->text;
    if (!results->kinds[i].numbers) continue;
    PyObject *better = PyLong_FromLong(mixent_results_better(question, name));
    if (!better || PyDict_SetItemString(all, name, better)) Py_CLEAR(all);
    Py_XDECREF(better);
  }
  return all;
}

/* What _compare.Comparison is made of. */
static PyObject *make_comparison(const mixent_results_comparison *of,
                                 const mixent_results_question *question) {
  const mixent_comparison *comparison = of->comparison;
  const mixent_compare_input *input = &comparison->input;
  const mixent_measure *measure = &input->measures[input->primary];
  mixent_text text = {0};
  mixent_results_append_text(of, &text);
  if (mixent_text_status(&text) != MIXENT_OK) {
    mixent_text_free(&text);
    return PyErr_NoMemory();
  }
  PyObject *metrics = make_metrics(of->results, question), *data = make_data(comparison),
           *across = make_across(comparison);
  PyObject *made =
      metrics && data && across
          ? Py_BuildValue("{s:s, s:i, s:s, s:d, s:d, s:s, s:d, s:O, s:i, s:s, s:O, s:O}", "metric",
                          measure->name, "better", measure->better, "baseline",
                          input->variants[input->baseline], "difference", input->difference, "confidence",
                          input->confidence, "unit", measure->unit, "scale", measure->scale, "metrics",
                          metrics, "digits", comparison->digits[input->primary], "text", text.data, "data",
                          data, "across", across)
          : NULL;
  mixent_text_free(&text);
  Py_XDECREF(metrics);
  Py_XDECREF(data);
  Py_XDECREF(across);
  return made;
}

/* What is asked of a table, and how it is read. */
typedef struct request {
  PyObject *names, *rows;
  mixent_results_question question;
  mixent_results_layout layout;
} request;

static PyObject *compare_table(const request *request) {
  mixent_results results = {0};
  mixent_results_comparison *comparison = NULL;
  PyObject *made = NULL;
  if (read_table(request->names, request->rows, &request->layout, &results)) {
    PyThreadState *state = PyEval_SaveThread();
    mixent_status status = mixent_results_check_best(&request->layout, &results);
    if (status == MIXENT_OK) status = mixent_results_finish(&results);
    if (status == MIXENT_OK) status = mixent_results_compare(&results, &request->question, &comparison);
    PyEval_RestoreThread(state);
    made = status == MIXENT_OK ? make_comparison(comparison, &request->question) : raise_status(status);
  }
  mixent_results_comparison_free(comparison);
  mixent_results_free(&results);
  return made;
}

/* compare(names, rows, layout, metric, baseline, lower, higher, epoch, difference, test_to_train) -> dict */
static PyObject *compare(PyObject *module, PyObject *arguments) {
  (void)module;
  request request = {0};
  mixent_results_question *question = &request.question;
  PyObject *columns;
  const char *epoch, *mapped[MIXENT_ROLES];
  if (!PyArg_ParseTuple(arguments, "O!O!Ozzzzsdd", &PyTuple_Type, &request.names, &PyList_Type, &request.rows,
                        &columns, &question->metric, &question->baseline, &question->lower, &question->higher,
                        &epoch, &question->difference, &question->test_to_train))
    return NULL;
  if (!read_texts(columns, MIXENT_ROLES, mapped)) return NULL;
  mixent_status status = mixent_results_layout_choose(&request.layout, epoch, question);
  for (int role = 0; role < MIXENT_ROLES && status == MIXENT_OK; role++)
    if (mapped[role]) status = mixent_copy_text(mapped[role], &request.layout.columns[role]);
  PyObject *made = status == MIXENT_OK ? compare_table(&request) : raise_status(status);
  mixent_results_layout_free(&request.layout);
  return made;
}

PyMethodDef lab_methods[] = {{"compare", compare, METH_VARARGS, NULL}, {0}};
