/*
 * This file sees to it that the messages of a topic with a history come in the order
 * of their offsets, each once: what comes twice is dropped; when some are missing,
 * those behind wait until the history has been asked for them; and only what it does
 * not have either is a gap. It is for all subscribers of this process.
 */
#pragma once

#include <stdbool.h>

struct sh_follows;
struct sh_publication;
struct sh_topics;

/** A message with an offset has come: whether subscribers are to be given it now. If
 *  not, it is dropped, or kept and given later by sh_publish_deliver(). */
bool sh_follow_take(
    struct sh_topics *topics, const struct sh_publication *publication);
/** Whether what came live is at an offset, or behind it: up to there, nothing comes any
 *  more. */
bool sh_follow_has(
    struct sh_topics *topics, const struct sh_publication *publication);
/** Forget all; while the carrier is there. */
void sh_follow_clear(struct sh_topics *topics);
