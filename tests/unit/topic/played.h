/*
 * This file is a carrier that a test plays: it takes all that is asked of it and does
 * nothing. A test puts what it plays itself in the place of that.
 */
#pragma once

#include <stdint.h>

#include "topic/carrier.h"
#include "topic/publication.h"

/** A table, with a replay that is refused: nobody would answer it. */
extern const struct sh_carrier_ops played_ops;

/** A message without bytes for the topic "a/b". */
struct sh_publication played_message(uint64_t epoch, uint64_t offset);
