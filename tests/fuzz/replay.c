/*
 * This file is the main() of a fuzz target without a fuzzer: it feeds every
 * file of the corpus to it. Folders come as arguments; without any, it is
 * tests/fuzz/corpus/NAME of the source, when the program is fuzz_NAME.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { INPUT_MAX = 1 << 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feed one file. Whether it could be read. */
static int
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct sh_buf input;
	char chunk[4096];
	uint8_t *exact;
	size_t n;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 0;
	}
	sh_buf_init(&input, INPUT_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		sh_buf_add(&input, chunk, n);
	fclose(file);
	/* an allocation of the exact size shows a read past the end */
	exact = sh_xcalloc(input.len != 0 ? input.len : 1, 1);
	if (input.len != 0)
		memcpy(exact, input.data, input.len);
	LLVMFuzzerTestOneInput(exact, input.len);
	free(exact);
	sh_buf_fini(&input);
	return 1;
}

/* Feed every file of a folder. Their number, -1 when it cannot be read. */
static int
replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (dir == NULL) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = sh_xprintf("%s/%s", folder, entry->d_name);
		count += replay_file(path);
		free(path);
	}
	closedir(dir);
	return count;
}

static char *
default_folder(const char *program)
{
	const char *source = getenv("SHOAL_SRCDIR");
	const char *name = strstr(program, "fuzz_");

	while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
		name = strstr(name + 1, "fuzz_");
	return sh_xprintf("%s/tests/fuzz/corpus/%s",
	    source != NULL ? source : ".", name != NULL ? name + 5 : "");
}

int
main(int argc, char **argv)
{
	char *folder = default_folder(argv[0]);
	int i, n, total = 0, failed = 0;

	for (i = 1; i < argc || (argc == 1 && i == 1); i++) {
		n = replay_folder(argc > 1 ? argv[i] : folder);
		failed |= n <= 0; /* an empty corpus tests nothing */
		total += n > 0 ? n : 0;
	}
	printf("%d inputs replayed\n", total);
	free(folder);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
