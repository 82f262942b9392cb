/* export.h: the macros in front of declarations, and the version of these headers. */
#ifndef PMIPC_EXPORT_H
#define PMIPC_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__linux__)
#error "polymorph_ipc runs on Linux only: it uses tmpfs, futexes and open file description locks"
#endif

#define PMIPC_API __attribute__((visibility("default")))
#define PMIPC_MUST_USE __attribute__((warn_unused_result))

#ifdef __cplusplus
#define PMIPC_BEGIN_DECLS extern "C" {
#define PMIPC_END_DECLS }
#else
#define PMIPC_BEGIN_DECLS
#define PMIPC_END_DECLS
#endif

/* The version of everything in the repository: CMakeLists.txt and pyproject.toml read these three lines. */
#define PMIPC_VERSION_MAJOR 0
#define PMIPC_VERSION_MINOR 1
#define PMIPC_VERSION_PATCH 0

#endif
