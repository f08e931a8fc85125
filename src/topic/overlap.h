/*
 * This file sees to it that a subscription does not get live what a replay has told
 * it: a history may be answered sooner than the same messages come through the
 * carrier and the fan-out. It goes on until they have come, or newer ones. What is
 * of an epoch before is dropped too, and is a gap.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_message;
struct sh_subscription;

/** A replay, whose holder is gone, has told all up to this offset. Without memory some
 *  may come twice. */
void sh_overlap_begin(
    struct sh_subscription *subscription, uint64_t epoch, uint64_t offset);
/** The first of at least one message, in order, that it has not been told; or count.
 *  What is missing before it is a gap. Only for one that has begun. */
size_t sh_overlap_skip(struct sh_subscription *subscription,
    struct sh_message *const *messages, size_t count);
/** Whether who was told all up to an offset has had a message. */
bool sh_overlap_has(
    uint64_t epoch, uint64_t offset, const struct sh_message *message);
/** Whether it is of an epoch that was over in this one. */
bool sh_overlap_is_over(uint64_t epoch, const struct sh_message *message);
