/* What the files of mixent._native share. */
#ifndef MIXENT_PYTHON_NATIVE_H
#define MIXENT_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "mixent/status.h"

/* Raises what a status stands for, with the message of mixent_last_error(): MemoryError without memory, RuntimeError where this machine
 * cannot, else ValueError. Returns NULL. */
PyObject *raise_status(mixent_status status);

/* A tuple of floats; NULL with an exception. */
PyObject *make_doubles(const double *values, Py_ssize_t count);

extern PyMethodDef statistics_methods[]; /* statistics.c */
extern PyMethodDef lab_methods[];        /* lab.c */

#endif
