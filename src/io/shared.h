/*
 * This file is bytes that several send queues refer to and that never change once
 * they are sent: a message for many is kept once. Of one process and thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_shared {
	uint32_t users; /* who holds it; queues are among them */
	size_t len;     /* bytes in use */
	size_t cap;
	char data[];
};

/** Make one with room for so many bytes, held once. NULL without memory. */
struct sh_shared *sh_shared_new(size_t cap);
/** Hold it once more; returns it. */
struct sh_shared *sh_shared_hold(struct sh_shared *shared);
/** Give a hold up and clear the pointer; the last one frees it. NULL is fine. */
void sh_shared_drop(struct sh_shared **shared);

/* Written by shared.c only. */
extern size_t sh_shared_taken;

/** Bytes of memory that all of them take. */
static inline size_t
sh_shared_memory(void)
{
	return sh_shared_taken;
}
