/* infos.h: Python values of what the library knows about readers, and the named tuples of _infos.py. */
#ifndef PY_INFOS_H
#define PY_INFOS_H

#include "core/state.h"

int py_infos_import(py_state *state);
/** Import the named tuples of _infos.py into the state, once. -1 with an exception. */
static inline int py_infos_find(py_state *state)
{
    return state->sample_info != NULL ? 0 : py_infos_import(state);
}
/** "numpy", "torch" or "c": what made the samples of a pool. */
const char *py_origin_name(uint32_t origin);
/** The arguments of a ReaderInfo, as a tuple. */
PyObject *py_reader_row(const pmipc_reader_info *reader);

#endif
