/* This file makes a plan, as the master's pool wants it, of a program's
 * options; it reads no configuration. */
#pragma once

#include <stddef.h>

struct sh_generation;
struct shoal_pool;

/** Make the generation that a pool's workers are of. 0, or -errno with the
 *  reason in why. */
int sh_crew_generation(const struct shoal_pool *pool,
    struct sh_generation **out, char *why, size_t cap);
