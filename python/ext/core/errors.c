/* errors.c: the exception classes, made from the library's table of statuses, and raising them. */
#include "core/errors.h"

#include "core/values.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct error_row {
    pmipc_status status;
    const char *exception; /* "None" for outcomes, which raise nothing */
    const char *builtin;
    const char *text;
};

#define ERROR_ROW(name, value, text, exception, builtin) {PMIPC_##name, #exception, #builtin, text},
static const struct error_row error_rows[] = {PMIPC_STATUS_MAP(ERROR_ROW)};
#undef ERROR_ROW

/* For pickle and copy. The errno of an OSError is not among its arguments, so it is added to the state. */
static PyObject *reduce_error(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *state = PyObject_GetAttrString(self, "__dict__");
    Py_XSETREF(state, state == NULL ? NULL : PyDict_Copy(state));
    PyObject *args = state == NULL ? NULL : PyObject_GetAttrString(self, "args");
    PyObject *number = args == NULL ? NULL : PyObject_GetAttrString(self, "errno");
    if (args != NULL && number == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    PyObject *result = NULL;
    if (state != NULL && args != NULL && !PyErr_Occurred() &&
        (number == NULL || number == Py_None || PyDict_SetItemString(state, "errno", number) == 0))
        result = PyTuple_Pack(3, (PyObject *)Py_TYPE(self), args, state);
    Py_XDECREF(number);
    Py_XDECREF(args);
    Py_XDECREF(state);
    return result;
}

static PyMethodDef reduce_method = {"__reduce__", reduce_error, METH_NOARGS, NULL};

static int add_reduce(PyObject *class)
{
    PyObject *method = PyDescr_NewMethod((PyTypeObject *)class, &reduce_method);
    int result = method == NULL ? -1 : PyObject_SetAttrString(class, "__reduce__", method);
    Py_XDECREF(method);
    return result;
}

static PyObject *new_class(PyObject *module, const char *name, const char *doc, PyObject *bases, const char *status)
{
    char full_name[128];
    PyOS_snprintf(full_name, sizeof full_name, "polymorph_ipc.%s", name);
    PyObject *attributes = Py_BuildValue("{s:s}", "status", status);
    if (attributes == NULL)
        return NULL;
    PyObject *class = PyErr_NewExceptionWithDoc(full_name, doc, bases, attributes);
    Py_DECREF(attributes);
    if (class != NULL && PyModule_AddObjectRef(module, name, class) < 0)
        Py_CLEAR(class);
    return class;
}

int py_errors_init(PyObject *module, py_state *state)
{
    state->base_error = new_class(module, "PolymorphError",
                                  "Base of every error of this package. `status` is the C library's name for what "
                                  "happened, such as \"BUSY\".",
                                  NULL, "");
    PyObject *builtins = PyImport_ImportModule("builtins");
    if (state->base_error == NULL || builtins == NULL || add_reduce(state->base_error) < 0)
        goto fail;
    for (size_t i = 0; i < sizeof error_rows / sizeof error_rows[0]; i++) {
        const struct error_row *row = &error_rows[i];
        if (strcmp(row->exception, "None") == 0)
            continue;
        PyObject *builtin = PyObject_GetAttrString(builtins, row->builtin);
        PyObject *bases = builtin == NULL ? NULL : PyTuple_Pack(2, state->base_error, builtin);
        Py_XDECREF(builtin);
        if (bases == NULL)
            goto fail;
        state->errors[row->status] =
            new_class(module, row->exception, row->text, bases, pmipc_status_name(row->status));
        Py_DECREF(bases);
        if (state->errors[row->status] == NULL)
            goto fail;
    }
    Py_DECREF(builtins);
    return 0;
fail:
    Py_XDECREF(builtins);
    return -1;
}

static void raise_text(py_state *state, pmipc_status status, PyObject *text, int os_error)
{
    PyObject *class = (unsigned)status < PY_STATUS_LIMIT ? state->errors[status] : NULL;
    if (class == NULL)
        class = state->base_error;
    if (class == NULL) /* the module was cleared: the interpreter is ending */
        class = PyExc_RuntimeError;
    PyObject *exception = PyObject_CallOneArg(class, text);
    if (exception == NULL)
        return;
    if (os_error == 0 && status == PMIPC_NO_SPACE)
        os_error = ENOSPC; /* found by a check, before a system call could fail */
    if (os_error == 0 && status == PMIPC_PERMISSION)
        os_error = EACCES;
    /* An OSError with one argument keeps its text; errno is set separately. */
    if (os_error != 0 && PyType_IsSubtype((PyTypeObject *)class, (PyTypeObject *)PyExc_OSError)) {
        PyObject *number = PyLong_FromLong(os_error);
        if (number == NULL || PyObject_SetAttrString(exception, "errno", number) < 0) {
            Py_XDECREF(number);
            Py_DECREF(exception);
            return;
        }
        Py_DECREF(number);
    }
    PyErr_SetObject(class, exception);
    Py_DECREF(exception);
}

void py_raise(py_state *state, pmipc_status status, const char *text, int os_error)
{
    PyObject *unicode = py_text(text);
    if (unicode == NULL)
        return;
    raise_text(state, status, unicode, os_error);
    Py_DECREF(unicode);
}

void py_raise_error(py_state *state, const pmipc_error *error)
{
    py_raise(state, error->status, error->text[0] ? error->text : pmipc_status_text(error->status), error->os_error);
}

void py_raise_format(py_state *state, pmipc_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (text == NULL)
        return;
    raise_text(state, status, text, 0);
    Py_DECREF(text);
}

/* ---- handles in a wrong state */

int py_refuse_unopened(py_state *state, PyObject *object)
{
    py_raise_format(
        state, PMIPC_WRONG_STATE,
        "this %s is not open: its __init__ has not run, or it raised. A subclass must call super().__init__() "
        "first",
        Py_TYPE(object)->tp_name);
    return -1;
}

int py_refuse_second_init(py_state *state, PyObject *object)
{
    py_raise_format(state, PMIPC_WRONG_STATE,
                    "this %s is already open: __init__ can succeed only once, create another %s",
                    Py_TYPE(object)->tp_name, Py_TYPE(object)->tp_name);
    return -1;
}

int py_refuse_forked(py_state *state, PyObject *object)
{
    py_raise_format(state, PMIPC_FORKED,
                    "this %s was made in the parent of this process: create another one in this process",
                    Py_TYPE(object)->tp_name);
    return -1;
}
