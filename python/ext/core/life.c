/* life.c: what every handle goes through, in words: not opened yet, opened already. */
#include "core.h"

int py_refuse_unopened(py_state *state, PyObject *object)
{
    py_raise_format(state, PMIPC_WRONG_STATE,
                    "this %s is not open: its __init__ has not run, or it raised. A subclass calls super().__init__() "
                    "before it uses the rest",
                    Py_TYPE(object)->tp_name);
    return -1;
}

int py_refuse_second_init(py_state *state, PyObject *object)
{
    py_raise_format(state, PMIPC_WRONG_STATE,
                    "this %s has been opened already: __init__ succeeds once, make another %s",
                    Py_TYPE(object)->tp_name, Py_TYPE(object)->tp_name);
    return -1;
}

int py_refuse_forked(py_state *state, PyObject *object)
{
    py_raise_format(state, PMIPC_FORKED, "this %s was made in the parent of this process: make another one here",
                    Py_TYPE(object)->tp_name);
    return -1;
}
