/*
 * This file is where wslay's frame layer turns a client's frame into payload.
 * It trusts the scanner: what it is given belongs to one frame that keeps the
 * rules.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_scan.h"

struct sh_ws_cutter;

/** Make a cutter, for any number of frames one after the other; NULL when
 *  there is no memory. Some 4 KiB, so a connection should have none while it
 *  is idle. Free it with sh_ws_cutter_free(). */
struct sh_ws_cutter *sh_ws_cutter_new(void);
/** Free a cutter, also amid a frame; NULL is none. */
void sh_ws_cutter_free(struct sh_ws_cutter *cutter);
/** Begin a frame, none being open. Its header is copied. */
void sh_ws_cutter_begin(
    struct sh_ws_cutter *cutter, const struct sh_ws_scanned *frame);
/** Lend bytes of the frame's payload, masked, never any beyond it, until
 *  sh_ws_cutter_next() says that there are no more. */
void
sh_ws_cutter_feed(struct sh_ws_cutter *cutter, const uint8_t *data, size_t len);
/** Bytes of the next piece of payload, unmasked: *piece_out, until the next
 *  call. What was fed and came out may be written over. 0 when all that was fed
 *  has come out. */
size_t
sh_ws_cutter_next(struct sh_ws_cutter *cutter, const uint8_t **piece_out);
/** Bytes of the frame's payload that have not come out. */
uint64_t sh_ws_cutter_left(const struct sh_ws_cutter *cutter);
