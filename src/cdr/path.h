/* path.h: dotted paths to fields ("poses[].pose.position"). */
#ifndef CDR_PATH_H
#define CDR_PATH_H

#include <string.h>

#include "cdr/types.h"

#define CDR_MAX_PATH (PMIPC_CDR_MAX_DEPTH * (PMIPC_CDR_MAX_NAME + 3))

enum cdr_path_next {
    CDR_PATH_END,      /* the field itself */
    CDR_PATH_COUNTS,   /* "#" */
    CDR_PATH_MEMBER,   /* "." and a path inside the message */
    CDR_PATH_ELEMENTS, /* "[]." and a path inside its elements */
    CDR_PATH_BROKEN
};

/* The first field of a path, and what follows its name. */
struct cdr_path_part {
    const char *name;
    size_t length;
    enum cdr_path_next next;
    const char *rest;
};

struct cdr_path_part cdr_path_split(const char *path);

static inline bool cdr_path_names(const struct cdr_path_part *part, const struct cdr_field_type *field)
{
    return strlen(field->field.name) == part->length && memcmp(field->field.name, part->name, part->length) == 0;
}

/* Find what a path of a resolved message leads to. */
pmipc_status cdr_path_find(const struct cdr_message *message, const char *path, pmipc_cdr_place *place,
                           pmipc_error *error);

#endif
