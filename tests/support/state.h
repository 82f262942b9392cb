/* state.h: the open descriptors and shared mappings of this process. */
#ifndef PMIPC_TEST_STATE_H
#define PMIPC_TEST_STATE_H

#include "test.h"

typedef void (*descriptor_visitor)(int fd, void *context);
typedef void (*mapping_visitor)(uint64_t start, const char *line, void *context);

void visit_descriptors(descriptor_visitor visit, void *context);

/** Only shared mappings: pool files are always mapped shared, code and heap never. */
void visit_shared_mappings(mapping_visitor visit, void *context);

#endif
