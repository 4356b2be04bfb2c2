/* mixent._trainer: the trainer of libmixent over arrays, for mixent.Classifier. An array is its address; who calls keeps it alive. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "mixent/model.h"
#include "mixent/train.h"

#include <stdlib.h>
#include <string.h>

/* Raises what a status stands for; NULL. */
static PyObject *raise_failure(mixent_status status) {
  PyObject *kind = status == MIXENT_ERROR_ARGUMENT ? PyExc_ValueError
                   : status == MIXENT_ERROR_MEMORY ? PyExc_MemoryError
                                                   : PyExc_RuntimeError;
  if (!PyErr_Occurred()) PyErr_SetString(kind, mixent_last_error());
  return NULL;
}

/* What a training tells, and how it is stopped. */
typedef struct watch {
  PyThreadState *state;        /* of the calling thread, while it trains without Python's lock */
  PyObject *epochs, *warnings; /* lists of texts */
  volatile sig_atomic_t stop;
  bool interrupted; /* by Ctrl-C; another exception is set otherwise */
} watch;

/* With Python's lock: signals that came, and what a handler raised. */
static void look_for_signals(watch *watch) {
  if (!watch->stop && PyErr_CheckSignals()) {
    watch->stop = 1;
    watch->interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
    if (watch->interrupted) PyErr_Clear();
  }
}

static void look(watch *watch) {
  PyEval_RestoreThread(watch->state);
  look_for_signals(watch);
  watch->state = PyEval_SaveThread();
}

static void add_text(watch *watch, PyObject *list, const char *text) {
  PyEval_RestoreThread(watch->state);
  if (!PyErr_Occurred()) {
    PyObject *item = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    if (!item || PyList_Append(list, item)) watch->stop = 1;
    Py_XDECREF(item);
    look_for_signals(watch);
  }
  watch->state = PyEval_SaveThread();
}

static void tell_progress(void *context, const mixent_train_progress *progress) {
  (void)progress;
  look(context);
}

static void tell_scored(void *context, size_t done, size_t images) {
  (void)done, (void)images;
  look(context);
}

static void tell_epoch(void *context, const mixent_train_epoch *epoch) {
  add_text(context, ((watch *)context)->epochs, epoch->json);
}

static void tell_warning(void *context, const char *message) {
  add_text(context, ((watch *)context)->warnings, message);
}

/* Pairs of texts, which the tuple keeps. NULL with an exception. */
static mixent_setting *read_settings(PyObject *pairs, size_t *count) {
  Py_ssize_t size = PyTuple_Size(pairs);
  mixent_setting *settings = size < 0 ? NULL : calloc((size_t)size + 1, sizeof *settings);
  if (!settings && size >= 0) PyErr_NoMemory();
  for (Py_ssize_t i = 0; settings && i < size; i++) {
    PyObject *pair = PyTuple_GetItem(pairs, i);
    PyObject *key = pair ? PyTuple_GetItem(pair, 0) : NULL, *value = key ? PyTuple_GetItem(pair, 1) : NULL;
    settings[i].key = value ? PyUnicode_AsUTF8AndSize(key, NULL) : NULL;
    settings[i].value = settings[i].key ? PyUnicode_AsUTF8AndSize(value, NULL) : NULL;
    if (!settings[i].value) {
      free(settings);
      return NULL;
    }
  }
  *count = (size_t)size;
  return settings;
}

/* Trains without Python's lock. */
static mixent_status train(const mixent_dataset_arrays *arrays, const char *recipe, const char *run,
                           const mixent_setting *settings, size_t count, watch *watch) {
  mixent_dataset *dataset;
  mixent_train_summary summary;
  watch->state = PyEval_SaveThread();
  mixent_status status = mixent_dataset_borrow(arrays, &dataset);
  if (status == MIXENT_OK) {
    const mixent_train_options options = {.recipe = recipe,
                                          .settings = settings,
                                          .setting_count = count,
                                          .dataset = dataset,
                                          .run = run,
                                          .stop = &watch->stop,
                                          .context = watch,
                                          .progress = tell_progress,
                                          .epoch = tell_epoch,
                                          .scored = tell_scored,
                                          .warning = tell_warning};
    status = mixent_train(&options, &summary);
    if (status == MIXENT_OK) mixent_train_summary_free(&summary);
    mixent_dataset_free(dataset);
  }
  PyEval_RestoreThread(watch->state);
  return status;
}

/* train(pixels, features, labels, count, side, channels, classes, recipe, settings, run) -> (epochs, warnings, interrupted). One of
 * pixels and features is 0. The first image stands for a test part, which nobody reads. */
static PyObject *trainer_train(PyObject *module, PyObject *arguments) {
  unsigned long long pixels, features, labels;
  Py_ssize_t count;
  int side, channels, classes;
  const char *recipe, *run;
  PyObject *pairs;
  (void)module;
  if (!PyArg_ParseTuple(arguments, "KKKniiisO!s", &pixels, &features, &labels, &count, &side, &channels,
                        &classes, &recipe, &PyTuple_Type, &pairs, &run))
    return NULL;
  mixent_dataset_arrays arrays = {.train = {.count = (size_t)count,
                                            .side = side,
                                            .channels = channels,
                                            .pixels = (uint8_t *)(uintptr_t)pixels,
                                            .features = (float *)(uintptr_t)features,
                                            .labels = (int32_t *)(uintptr_t)labels},
                                  .classes = classes};
  arrays.test = arrays.train;
  arrays.test.count = 1;
  size_t settings_count;
  mixent_setting *settings = read_settings(pairs, &settings_count);
  watch watch = {.epochs = PyList_New(0), .warnings = PyList_New(0)};
  PyObject *result = NULL;
  if (settings && watch.epochs && watch.warnings) {
    mixent_status status = train(&arrays, recipe, run, settings, settings_count, &watch);
    bool told = status == MIXENT_OK || (status == MIXENT_ERROR_INTERRUPTED && watch.interrupted);
    result = told && !PyErr_Occurred()
                 ? Py_BuildValue("OOO", watch.epochs, watch.warnings, watch.interrupted ? Py_True : Py_False)
                 : raise_failure(status);
  }
  free(settings);
  Py_XDECREF(watch.epochs);
  Py_XDECREF(watch.warnings);
  return result;
}

/* predict(checkpoint, pixels, features, rows, probabilities): fills float [rows, classes]. */
static PyObject *trainer_predict(PyObject *module, PyObject *arguments) {
  enum { BATCH = 64 };
  unsigned long long pixels, features, out;
  Py_ssize_t rows;
  const char *checkpoint;
  mixent_model *model;
  mixent_predictor *predictor = NULL;
  (void)module;
  if (!PyArg_ParseTuple(arguments, "sKKnK", &checkpoint, &pixels, &features, &rows, &out)) return NULL;
  PyThreadState *state = PyEval_SaveThread();
  float *probabilities = (float *)(uintptr_t)out;
  mixent_status status = mixent_model_open(checkpoint, &model);
  if (status == MIXENT_OK) {
    if (model->fitted_temperature > 0) model->temperature = model->fitted_temperature;
    status = mixent_predictor_create(model, rows < BATCH ? (int)rows : BATCH, MIXENT_FP32, &predictor);
    if (status == MIXENT_OK && pixels)
      status = mixent_predictor_run(predictor, (const uint8_t *)(uintptr_t)pixels, (size_t)rows, NULL,
                                    probabilities);
    else if (status == MIXENT_OK)
      status = mixent_predictor_run_features(predictor, (const float *)(uintptr_t)features, (size_t)rows,
                                             NULL, probabilities);
    mixent_predictor_free(predictor);
    mixent_model_free(model);
  }
  PyEval_RestoreThread(state);
  if (status != MIXENT_OK) return raise_failure(status);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"train", trainer_train, METH_VARARGS, NULL},
    {"predict", trainer_predict, METH_VARARGS, NULL},
    {0},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "mixent._trainer", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit__trainer(void) {
  return PyModule_Create(&definition);
}
