/* The fake of a driver from before 2022: the same library without newer functions. */
#define FAKE_NVML_OLD
#include "tests/support/fake/nvml.c"
