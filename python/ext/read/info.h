/* info.h: SampleInfo and HistoryInfo of views. */
#ifndef PY_READ_INFO_H
#define PY_READ_INFO_H

#include "read/options.h"

PyObject *py_sample_info(py_state *state, const pmipc_view *view, uint64_t dropped, bool copied);
PyObject *py_history_info(py_state *state, const pmipc_view *view, const py_rows *rows, uint64_t dropped, bool copied);
/** A HistoryInfo that is filled row by row. */
PyObject *py_history_info_begin(py_state *state, Py_ssize_t count, uint64_t dropped, bool copied);
void py_history_info_row(PyObject *info, Py_ssize_t row, uint64_t seq, int64_t stamp_ns, int64_t published_ns,
                         int64_t now_ns);

#endif
