/* pin.h: what keeps samples in place while arrays use them: pins for numpy, holds for torch. */
#ifndef PY_PIN_H
#define PY_PIN_H

#include "arrays/dlpack.h"
#include "core/state.h"

typedef struct py_hold py_hold;

/* The description of one tensor, valid until torch calls its deleter. */
typedef struct py_holder {
    union {
        dlpack_managed_versioned versioned;
        dlpack_managed capsule;
    } managed;
    int64_t shape[PY_MAX_DIMENSIONS];
    int64_t strides[PY_MAX_DIMENSIONS];
    py_hold *hold;   /* counted; NULL when `owner` keeps the memory */
    PyObject *owner; /* counted */
    bool embedded;   /* part of its hold's memory */
} py_holder;

/* A view that tensors share. It is counted in C, and any thread may release it, with or without the GIL and also after
 * the interpreter has ended, because torch frees tensors in any thread and at any time. */
struct py_hold {
    atomic_int references;
    bool holder_used;
    pmipc_view view;
    py_holder holder; /* for the first tensor, so that most reads allocate once */
};

/** One more reference while the read is still running: no other thread knows the hold yet. */
static inline void py_hold_acquire(py_hold *hold)
{
    int references = atomic_load_explicit(&hold->references, memory_order_relaxed);
    atomic_store_explicit(&hold->references, references + 1, memory_order_relaxed);
}
void py_hold_release(py_hold *hold);

/* A view that numpy arrays share: their base. */
struct py_pin {
    PyObject_HEAD py_state *state;
    py_hold *hold; /* the hold it shares; NULL: it has its own view */
    py_pin *next_free;
    pmipc_view view;
};

extern PyType_Spec py_pin_spec;
/** Free the pins that the state keeps for reuse. */
void py_pins_free(py_state *state);

/* A view on its way from the library to arrays: in a pin or in a hold. */
typedef struct py_lease {
    pmipc_view *view;
    py_pin *pin;
    py_hold *hold;
} py_lease;

/** Make an empty view in a hold (`torch`) or in a pin. -1 with an exception. */
int py_lease_begin(py_state *state, bool torch, py_lease *lease);
/** Release what arrays have not taken over. */
void py_lease_end(py_lease *lease);
int py_lease_convert_slow_path(py_state *state, bool torch, py_lease *lease);
/** Move the view into a hold (`torch`) or a pin, unless it is in one. -1 with an exception. */
static inline int py_lease_convert(py_state *state, bool torch, py_lease *lease)
{
    return torch == (lease->hold != NULL) ? 0 : py_lease_convert_slow_path(state, torch, lease);
}
/** The base of numpy arrays over the lease, new. */
PyObject *py_lease_base(py_state *state, py_lease *lease);

#endif
