/* reading.h: what wait.c uses. */
#ifndef PY_READING_H
#define PY_READING_H

#include "core/arguments.h"
#include "core/errors.h"
#include "read/stream.h"
#include "read/wait.h"

#endif
