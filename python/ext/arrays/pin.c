/* pin.c: what keeps samples in place while arrays use them: pins for numpy, holds for torch.
 *
 * A view of the library is owned by a Python object, the base of numpy arrays, or by a counted C struct, which torch
 * may free in any thread, without the GIL and after the interpreter has ended. */
#include "arrays/pin.h"

#include <stdlib.h>

#define FREE_PINS 8

/* ---- holds */

static py_hold *hold_new(void)
{
    py_hold *hold = malloc(sizeof *hold); /* malloc caches a few of these per thread */
    if (hold == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    atomic_init(&hold->references, 1);
    hold->holder_used = false;
    hold->view.owner = NULL;
    return hold;
}

void py_hold_release(py_hold *hold)
{
    /* The last reference needs no read-modify-write: no other thread can count any more. acquire: after the reads of
     * the sample by all other threads; release, below: the reads of this thread come before the thread that frees it.
     */
    if (atomic_load_explicit(&hold->references, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&hold->references, 1, memory_order_acq_rel) != 1)
        return;
    pmipc_view_release(&hold->view);
    free(hold);
}

/* While a read is running, only its own thread knows the hold, so counting needs no atomic read-modify-write. */
static void release_private(py_hold *hold)
{
    int references = atomic_load_explicit(&hold->references, memory_order_relaxed);
    if (references == 1)
        py_hold_release(hold);
    else
        atomic_store_explicit(&hold->references, references - 1, memory_order_relaxed);
}

/* ---- pins */

static py_pin *pin_new(py_state *state)
{
#ifndef Py_GIL_DISABLED
    py_pin *pin = state->free_pins;
    if (pin != NULL) {
        state->free_pins = pin->next_free;
        state->free_pin_count--;
        (void)PyObject_Init((PyObject *)pin, state->pin_type);
        return pin;
    }
#endif
    py_pin *made = PyObject_New(py_pin, state->pin_type);
    if (made == NULL)
        return NULL;
    made->state = state;
    made->hold = NULL;
    made->view.owner = NULL;
    return made;
}

static void pin_dealloc(PyObject *object)
{
    py_pin *pin = (py_pin *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (pin->hold != NULL)
        py_hold_release(pin->hold);
    else
        pmipc_view_release(&pin->view);
    pin->hold = NULL;
    pin->view.owner = NULL;
#ifndef Py_GIL_DISABLED
    py_state *state = pin->state;
    if (state->free_pin_count < FREE_PINS) {
        pin->next_free = state->free_pins;
        state->free_pins = pin;
        state->free_pin_count++;
        Py_DECREF(type);
        return;
    }
#endif
    PyObject_Free(pin);
    Py_DECREF(type);
}

void py_pins_free(py_state *state)
{
    state->free_pin_count = FREE_PINS; /* pins that are freed from now on are not kept */
    while (state->free_pins != NULL) {
        py_pin *pin = state->free_pins;
        state->free_pins = pin->next_free;
        PyObject_Free(pin);
    }
}

/* The bytes of one plain sample. A view with several parts has no single buffer. */
static int pin_get_buffer(PyObject *object, Py_buffer *buffer, int flags)
{
    py_pin *pin = (py_pin *)object;
    const pmipc_view *view = pin->hold != NULL ? &pin->hold->view : &pin->view;
    buffer->obj = NULL;
    if (view->owner == NULL || view->field_count != 1 || view->frame_count != 1) {
        PyErr_SetString(PyExc_BufferError,
                        "only the pin of one plain sample has a buffer: use the buffers of the arrays");
        return -1;
    }
    const pmipc_field *field = &view->schema->fields[0];
    uint64_t bytes = pmipc_field_bytes(field);
    if ((field->flags & PMIPC_FIELD_VARIABLE) && field->shape[0] > 0)
        bytes = bytes / (uint64_t)field->shape[0] * (uint64_t)view->fields[0].length;
    return PyBuffer_FillInfo(buffer, object, (void *)(uintptr_t)view->fields[0].data, (Py_ssize_t)bytes, 1, flags);
}

static PyType_Slot pin_slots[] = {
    {Py_tp_doc, "What keeps a sample in place: the `base` of numpy views."},
    {Py_tp_dealloc, pin_dealloc},
    {Py_bf_getbuffer, pin_get_buffer},
    {0, NULL},
};

PyType_Spec py_pin_spec = {
    .name = "polymorph_ipc._core.Pin",
    .basicsize = sizeof(py_pin),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = pin_slots,
};

/* ---- leases */

int py_lease_begin(py_state *state, bool torch, py_lease *lease)
{
    lease->pin = NULL;
    lease->hold = NULL;
    if (torch) {
        lease->hold = hold_new();
        if (lease->hold == NULL)
            return -1;
        lease->view = &lease->hold->view;
    } else {
        lease->pin = pin_new(state);
        if (lease->pin == NULL)
            return -1;
        lease->view = &lease->pin->view;
    }
    return 0;
}

void py_lease_end(py_lease *lease)
{
    Py_CLEAR(lease->pin);
    if (lease->hold != NULL)
        release_private(lease->hold);
    lease->hold = NULL;
    lease->view = NULL;
}

int py_lease_convert_slow_path(py_state *state, bool torch, py_lease *lease)
{
    py_lease other;
    if (py_lease_begin(state, torch, &other) < 0)
        return -1;
    *other.view = *lease->view;
    lease->view->owner = NULL;
    py_lease_end(lease);
    *lease = other;
    return 0;
}

PyObject *py_lease_base(py_state *state, py_lease *lease)
{
    if (lease->pin != NULL)
        return Py_NewRef((PyObject *)lease->pin);
    py_pin *pin = pin_new(state);
    if (pin == NULL)
        return NULL;
    py_hold_acquire(lease->hold);
    pin->hold = lease->hold;
    return (PyObject *)pin;
}
