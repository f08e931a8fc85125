/*
 * This file moves the processor from one stack to another.
 *
 * A stack is entered with makecontext once and then left and re-entered with
 * setjmp and longjmp, which make no system call. The fortified longjmp takes
 * a jump to another stack for an attack and aborts, hence the next line, before
 * everything else.
 */
#undef _FORTIFY_SOURCE
#include "config.h"

#include "co/co_switch.h"

#include <signal.h>
#include <ucontext.h>

#ifdef SH_SANITIZE
#include <sanitizer/common_interface_defs.h>
#endif

#include "base/panic.h"

/* What a new stack needs to know, while sh_co_context_make() runs. */
static struct {
	struct sh_co_context *context;
	sh_co_entry_fn *entry;
	void *arg;
} birth;

#ifdef SH_SANITIZE

/*
 * The sanitizer un-poisons a stack on longjmp and must be told of every switch,
 * so its builds take the slow road. `left' is the context that was switched
 * away from last: the one whose stack finish_switch_fiber describes.
 */
static struct sh_co_context *left;

static void
arrive(void *fake_stack)
{
	const void *low = NULL;
	size_t size = 0;

	__sanitizer_finish_switch_fiber(fake_stack, &low, &size);
	left->low = low;
	left->size = size;
}

static void
start(void)
{
	sh_co_entry_fn *entry = birth.entry;
	void *arg = birth.arg;

	arrive(NULL);
	/* the maker is the one who waits in `left' */
	sh_co_context_switch(birth.context, left);
	entry(arg);
	sh_panic(__FILE__, __LINE__, __func__, "a coroutine's entry returned");
}

void
sh_co_context_switch(struct sh_co_context *from, struct sh_co_context *to)
{
	__sanitizer_start_switch_fiber(&from->fake_stack, to->low, to->size);
	left = from;
	/* the signal mask is the thread's, as it is with _longjmp */
	pthread_sigmask(SIG_SETMASK, NULL, &to->place.uc_sigmask);
	if (swapcontext(&from->place, &to->place) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "swapcontext failed");
	arrive(from->fake_stack);
}

void
sh_co_context_make(struct sh_co_context *context, void *low, size_t size,
    sh_co_entry_fn *entry, void *arg)
{
	struct sh_co_context maker = { 0 };

	birth.context = context;
	birth.entry = entry;
	birth.arg = arg;
	if (getcontext(&context->place) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "getcontext failed");
	context->place.uc_stack.ss_sp = low;
	context->place.uc_stack.ss_size = size;
	context->place.uc_link = NULL;
	context->low = low;
	context->size = size;
	makecontext(&context->place, start, 0);
	sh_co_context_switch(&maker, context);
}

#else

#ifdef SH_BUILTIN_SETJMP
/* The same as the library's, but what is saved and restored is three words and
 * what the compiler knows to be in use: some 10 ns instead of 17. */
#define SAVE(place) __builtin_setjmp(place)
#define RESTORE(place) __builtin_longjmp(place, 1)
/* Who calls sees only a call, in a build with -flto too: it would rely on the
 * registers that this one function leaves alone, but others run meanwhile. */
#define SWITCHES __attribute__((noipa))
#else
#define SWITCHES __attribute__((noinline))
#define SAVE(place) _setjmp(place)
#define RESTORE(place) _longjmp(place, 1)
#endif

static ucontext_t maker;

/* Apart from who saves: the compiler's pair may not be in one function. */
static __attribute__((noinline, noreturn)) void
jump(struct sh_co_context *to)
{
	RESTORE(to->place);
}

static void
start(void)
{
	sh_co_entry_fn *entry = birth.entry;
	void *arg = birth.arg;

	if (SAVE(birth.context->place) == 0)
		setcontext(&maker);
	entry(arg);
	sh_panic(__FILE__, __LINE__, __func__, "a coroutine's entry returned");
}

SWITCHES void
sh_co_context_switch(struct sh_co_context *from, struct sh_co_context *to)
{
	if (SAVE(from->place) == 0)
		jump(to);
}

void
sh_co_context_make(struct sh_co_context *context, void *low, size_t size,
    sh_co_entry_fn *entry, void *arg)
{
	ucontext_t fresh;

	birth.context = context;
	birth.entry = entry;
	birth.arg = arg;
	if (getcontext(&fresh) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "getcontext failed");
	fresh.uc_stack.ss_sp = low;
	fresh.uc_stack.ss_size = size;
	fresh.uc_link = NULL;
	makecontext(&fresh, start, 0);
	if (swapcontext(&maker, &fresh) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "swapcontext failed");
}

#endif
