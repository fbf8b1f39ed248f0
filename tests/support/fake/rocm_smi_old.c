/* The fake of an old library of AMD's: the same without newer functions. */
#define FAKE_AMD_OLD
#include "tests/support/fake/rocm_smi.c"
