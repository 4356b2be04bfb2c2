/* mixent/statistics.h for mixent/lab/statistics.py, which looks after types and shapes and keeps arrays alive: here an array is its address
 * and its counts. Results are tuples in the order of C's structs. No function holds the interpreter while it computes. */
#include "native.h"

#include "mixent/statistics.h"

#include <stdlib.h>

typedef unsigned long long address; /* of an array, as PyArg_ParseTuple reads it */

#define DOUBLES(of) ((const double *)(uintptr_t)(of))

/* status = call; without the interpreter's lock */
#define COMPUTE(status, call)                                                                                \
  do {                                                                                                       \
    PyThreadState *state_ = PyEval_SaveThread();                                                             \
    (status) = (call);                                                                                       \
    PyEval_RestoreThread(state_);                                                                            \
  } while (0)

/* describe(values, count, confidence) -> mean, deviation, low, high */
static PyObject *describe(PyObject *module, PyObject *arguments) {
  (void)module;
  address values;
  Py_ssize_t count;
  double confidence;
  mixent_sample out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "Knd", &values, &count, &confidence)) return NULL;
  COMPUTE(status, mixent_sample_describe(DOUBLES(values), (size_t)count, confidence, &out));
  if (status != MIXENT_OK) return raise_status(status);
  return make_doubles((double[]){out.mean, out.deviation, out.low, out.high}, 4);
}

static PyObject *make_difference(mixent_status status, const mixent_difference *of) {
  if (status != MIXENT_OK) return raise_status(status);
  return make_doubles((double[]){of->mean, of->error, of->freedom, of->low, of->high, of->t, of->p}, 7);
}

/* resampled(a, b, count, test_to_train, confidence) -> mean, error, freedom, low, high, t, p */
static PyObject *resampled(PyObject *module, PyObject *arguments) {
  (void)module;
  address a, b;
  Py_ssize_t count;
  double test_to_train, confidence;
  mixent_difference out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKndd", &a, &b, &count, &test_to_train, &confidence)) return NULL;
  COMPUTE(status,
          mixent_resampled_compare(DOUBLES(a), DOUBLES(b), (size_t)count, test_to_train, confidence, &out));
  return make_difference(status, &out);
}

/* welch(a, count_a, b, count_b, confidence) -> mean, error, freedom, low, high, t, p */
static PyObject *welch(PyObject *module, PyObject *arguments) {
  (void)module;
  address a, b;
  Py_ssize_t count_a, count_b;
  double confidence;
  mixent_difference out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KnKnd", &a, &count_a, &b, &count_b, &confidence)) return NULL;
  COMPUTE(status, mixent_unpaired_compare(DOUBLES(a), (size_t)count_a, DOUBLES(b), (size_t)count_b,
                                          confidence, &out));
  return make_difference(status, &out);
}

/* equivalence(difference, error, freedom, margin) -> t_low, t_high, p_low, p_high, p, within */
static PyObject *equivalence(PyObject *module, PyObject *arguments) {
  (void)module;
  double difference, error, freedom, margin;
  mixent_equivalence out;
  if (!PyArg_ParseTuple(arguments, "dddd", &difference, &error, &freedom, &margin)) return NULL;
  mixent_status status = mixent_equivalence_test(difference, error, freedom, margin, &out);
  if (status != MIXENT_OK) return raise_status(status);
  return make_doubles((double[]){out.t_low, out.t_high, out.p_low, out.p_high, out.p, out.within}, 6);
}

/* holm(p, count): in place */
static PyObject *holm(PyObject *module, PyObject *arguments) {
  (void)module;
  address p;
  Py_ssize_t count;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "Kn", &p, &count)) return NULL;
  COMPUTE(status, mixent_holm_adjust(DOUBLES(p), (size_t)count, (double *)(uintptr_t)p));
  if (status != MIXENT_OK) return raise_status(status);
  Py_RETURN_NONE;
}

/* mcnemar(a, b, images) -> only_a, only_b, difference, error, p */
static PyObject *mcnemar(PyObject *module, PyObject *arguments) {
  (void)module;
  address a, b;
  Py_ssize_t images;
  mixent_mcnemar test;
  mixent_accuracy_difference of = {0};
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKn", &a, &b, &images)) return NULL;
  const uint8_t *right_a = (const uint8_t *)(uintptr_t)a, *right_b = (const uint8_t *)(uintptr_t)b;
  COMPUTE(status, mixent_accuracy_compare(right_a, right_b, (size_t)images, &of));
  if (status == MIXENT_OK) COMPUTE(status, mixent_mcnemar_test(right_a, right_b, (size_t)images, &test));
  if (status != MIXENT_OK) return raise_status(status);
  return Py_BuildValue("nnddd", (Py_ssize_t)test.only_a, (Py_ssize_t)test.only_b, of.difference, of.error,
                       test.p);
}

/* power_of_seeds(seeds, difference, deviation, alpha) -> probability */
static PyObject *power_of_seeds(PyObject *module, PyObject *arguments) {
  (void)module;
  Py_ssize_t seeds;
  double difference, deviation, alpha, out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "nddd", &seeds, &difference, &deviation, &alpha)) return NULL;
  COMPUTE(status, mixent_power_of_seeds((size_t)seeds, difference, deviation, alpha, &out));
  return status == MIXENT_OK ? PyFloat_FromDouble(out) : raise_status(status);
}

/* least_seeds(difference, deviation, alpha, power) -> seeds */
static PyObject *least_seeds(PyObject *module, PyObject *arguments) {
  (void)module;
  size_t out;
  double difference, deviation, alpha, power;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "dddd", &difference, &deviation, &alpha, &power)) return NULL;
  COMPUTE(status, mixent_power_least_seeds(difference, deviation, alpha, power, &out));
  return status == MIXENT_OK ? PyLong_FromSize_t(out) : raise_status(status);
}

/* least_difference(seeds, deviation, alpha, power) -> difference */
static PyObject *least_difference(PyObject *module, PyObject *arguments) {
  (void)module;
  Py_ssize_t seeds;
  double deviation, alpha, power, out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "nddd", &seeds, &deviation, &alpha, &power)) return NULL;
  COMPUTE(status, mixent_power_least_difference((size_t)seeds, deviation, alpha, power, &out));
  return status == MIXENT_OK ? PyFloat_FromDouble(out) : raise_status(status);
}

/* bootstrap(a, b, seeds, images, seed, replicates, confidence) -> difference, error, freedom, low, high, p, percentile_low,
 * percentile_high, deviation, seed_variance, image_variance, rest_variance; a, b [seeds, images] */
static PyObject *bootstrap(PyObject *module, PyObject *arguments) {
  (void)module;
  address a, b;
  Py_ssize_t seeds, images, replicates;
  unsigned long long seed;
  double confidence;
  mixent_bootstrap of;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKnnKnd", &a, &b, &seeds, &images, &seed, &replicates, &confidence))
    return NULL;
  const uint8_t **rows = calloc(2 * (size_t)seeds + 1, sizeof *rows);
  if (!rows) return PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < seeds; i++) {
    rows[i] = (const uint8_t *)(uintptr_t)a + i * images;
    rows[seeds + i] = (const uint8_t *)(uintptr_t)b + i * images;
  }
  const mixent_crossed runs = {.right_a = rows, .right_b = rows + seeds, .seeds = (size_t)seeds};
  const mixent_bootstrap_options options = {
      .images = (size_t)images, .seed = seed, .replicates = (size_t)replicates, .confidence = confidence};
  COMPUTE(status, mixent_bootstrap_crossed(&runs, 1, &options, &of));
  free(rows);
  if (status != MIXENT_OK) return raise_status(status);
  return make_doubles((double[]){of.difference, of.error, of.freedom, of.low, of.high, of.p,
                                 of.percentile_low, of.percentile_high, of.deviation, of.seed_variance,
                                 of.image_variance, of.rest_variance},
                      12);
}

/* "KKn" of a table, "Knd" of the resampling. */
static mixent_score_table table_of(address values, address counts, Py_ssize_t data_sets) {
  return (mixent_score_table){DOUBLES(values), (const size_t *)(uintptr_t)counts, (size_t)data_sets};
}

static PyObject *make_estimate(mixent_status status, const mixent_estimate *of) {
  return status == MIXENT_OK ? make_doubles((double[]){of->value, of->low, of->high}, 3)
                             : raise_status(status);
}

/* improvement(values_a, counts_a, values_b, counts_b, data_sets, seed, replicates, confidence) -> value, low, high */
static PyObject *improvement(PyObject *module, PyObject *arguments) {
  (void)module;
  address values[2], counts[2];
  Py_ssize_t data_sets, replicates;
  unsigned long long seed;
  double confidence;
  mixent_estimate out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKKKnKnd", &values[0], &counts[0], &values[1], &counts[1], &data_sets,
                        &seed, &replicates, &confidence))
    return NULL;
  const mixent_score_table a = table_of(values[0], counts[0], data_sets),
                           b = table_of(values[1], counts[1], data_sets);
  const mixent_resampling resampling = {seed, (size_t)replicates, confidence};
  COMPUTE(status, mixent_improvement_measure(&a, &b, &resampling, &out));
  return make_estimate(status, &out);
}

/* interquartile(values, counts, data_sets, seed, replicates, confidence) -> value, low, high */
static PyObject *interquartile(PyObject *module, PyObject *arguments) {
  (void)module;
  address values, counts;
  Py_ssize_t data_sets, replicates;
  unsigned long long seed;
  double confidence;
  mixent_estimate out;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKnKnd", &values, &counts, &data_sets, &seed, &replicates, &confidence))
    return NULL;
  const mixent_score_table table = table_of(values, counts, data_sets);
  const mixent_resampling resampling = {seed, (size_t)replicates, confidence};
  COMPUTE(status, mixent_interquartile_measure(&table, &resampling, &out));
  return make_estimate(status, &out);
}

/* profile(values, counts, data_sets, thresholds, count, seed, replicates, confidence, out): out [count, 3] of value, low, high */
static PyObject *profile(PyObject *module, PyObject *arguments) {
  (void)module;
  address values, counts, thresholds, out;
  Py_ssize_t data_sets, count, replicates;
  unsigned long long seed;
  double confidence;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKnKnKndK", &values, &counts, &data_sets, &thresholds, &count, &seed,
                        &replicates, &confidence, &out))
    return NULL;
  const mixent_score_table table = table_of(values, counts, data_sets);
  const mixent_resampling resampling = {seed, (size_t)replicates, confidence};
  COMPUTE(status, mixent_profile_measure(&table, DOUBLES(thresholds), (size_t)count, &resampling,
                                         (mixent_estimate *)(uintptr_t)out));
  if (status != MIXENT_OK) return raise_status(status);
  Py_RETURN_NONE;
}

/* components(values, count, levels, factors) -> ((levels, variance, share, negative), …), the rest last; levels [factors, count] */
static PyObject *components(PyObject *module, PyObject *arguments) {
  (void)module;
  address values, levels;
  Py_ssize_t count, factors;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KnKn", &values, &count, &levels, &factors)) return NULL;
  const int64_t *rows[MIXENT_MOST_FACTORS] = {NULL};
  mixent_component out[MIXENT_MOST_FACTORS + 1];
  for (Py_ssize_t i = 0; i < factors && i < MIXENT_MOST_FACTORS; i++)
    rows[i] = (const int64_t *)(uintptr_t)levels + i * count;
  COMPUTE(status, mixent_components_measure(DOUBLES(values), (size_t)count, rows, (size_t)factors, out));
  if (status != MIXENT_OK) return raise_status(status);
  PyObject *tuple = PyTuple_New(factors + 1);
  for (Py_ssize_t i = 0; tuple && i <= factors; i++) {
    PyObject *one = Py_BuildValue("nddO", (Py_ssize_t)out[i].levels, out[i].variance, out[i].share,
                                  out[i].negative ? Py_True : Py_False);
    if (!one || PyTuple_SetItem(tuple, i, one)) Py_CLEAR(tuple);
  }
  return tuple;
}

/* calibration(logits, labels, images, classes, temperature, risk) -> accuracy, nll, brier, ece, ece_equal_mass, entropy, entropy_right,
 * entropy_wrong, auroc, area; risk [images] or 0 */
static PyObject *calibration(PyObject *module, PyObject *arguments) {
  (void)module;
  address logits, labels, risk;
  Py_ssize_t images, classes;
  double temperature;
  mixent_calibration of;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKnndK", &logits, &labels, &images, &classes, &temperature, &risk))
    return NULL;
  const mixent_predictions predictions = {.logits = (const float *)(uintptr_t)logits,
                                          .labels = (const int32_t *)(uintptr_t)labels,
                                          .images = (size_t)images,
                                          .classes = (size_t)classes};
  COMPUTE(status, mixent_calibration_measure(&predictions, temperature, (double *)(uintptr_t)risk, &of));
  if (status != MIXENT_OK) return raise_status(status);
  return make_doubles((double[]){of.accuracy, of.nll, of.brier, of.ece, of.ece_equal_mass, of.entropy,
                                 of.entropy_right, of.entropy_wrong, of.auroc, of.area},
                      10);
}

/* temperature(logits, labels, images, classes) -> temperature, nll_before, nll_after, found */
static PyObject *temperature(PyObject *module, PyObject *arguments) {
  (void)module;
  address logits, labels;
  Py_ssize_t images, classes;
  mixent_temperature of;
  mixent_status status;
  if (!PyArg_ParseTuple(arguments, "KKnn", &logits, &labels, &images, &classes)) return NULL;
  const mixent_predictions predictions = {.logits = (const float *)(uintptr_t)logits,
                                          .labels = (const int32_t *)(uintptr_t)labels,
                                          .images = (size_t)images,
                                          .classes = (size_t)classes};
  COMPUTE(status, mixent_temperature_fit(&predictions, &of));
  if (status != MIXENT_OK) return raise_status(status);
  return Py_BuildValue("dddO", of.temperature, of.nll_before, of.nll_after, of.found ? Py_True : Py_False);
}

PyMethodDef statistics_methods[] = {{"describe", describe, METH_VARARGS, NULL},
                                    {"resampled", resampled, METH_VARARGS, NULL},
                                    {"welch", welch, METH_VARARGS, NULL},
                                    {"equivalence", equivalence, METH_VARARGS, NULL},
                                    {"holm", holm, METH_VARARGS, NULL},
                                    {"mcnemar", mcnemar, METH_VARARGS, NULL},
                                    {"power_of_seeds", power_of_seeds, METH_VARARGS, NULL},
                                    {"least_seeds", least_seeds, METH_VARARGS, NULL},
                                    {"least_difference", least_difference, METH_VARARGS, NULL},
                                    {"bootstrap", bootstrap, METH_VARARGS, NULL},
                                    {"improvement", improvement, METH_VARARGS, NULL},
                                    {"interquartile", interquartile, METH_VARARGS, NULL},
                                    {"profile", profile, METH_VARARGS, NULL},
                                    {"components", components, METH_VARARGS, NULL},
                                    {"calibration", calibration, METH_VARARGS, NULL},
                                    {"temperature", temperature, METH_VARARGS, NULL},
                                    {0}};
