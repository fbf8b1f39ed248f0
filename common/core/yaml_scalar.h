/* What a plain YAML scalar means to us; the reader asks to understand it, the writer to
 * know what it must quote. Private to common/core. */
#ifndef CORE_YAML_SCALAR_H
#define CORE_YAML_SCALAR_H

#include "core/yaml.h"

enum yaml_scalar { YAML_SCALAR_STRING, YAML_SCALAR_NULL, YAML_SCALAR_BOOL, YAML_SCALAR_NUMBER };

/* Numbers are those of JSON's grammar; what looks like one in other dialects only (0x1f,
 * 1_000, 12:30, .5, 007) is a string. */
enum yaml_scalar yaml_scalar_kind(const char *text, size_t len);

/* Caller owns; NULL when out of memory or, with *too_large set, when a number does not fit. */
json_t *yaml_scalar_value(enum yaml_scalar kind, const char *text, size_t len, bool *too_large);

#endif
