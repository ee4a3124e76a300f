/* The Arrow C data interface and C stream interface, as their specification
 * lays them down, and the C half of package cdata: everything that is handed
 * out lives in C memory and is released by C code. */
#ifndef OBORO_CDATA_ABI_H
#define OBORO_CDATA_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
	const char *format;
	const char *name;
	const char *metadata;
	int64_t flags;
	int64_t n_children;
	struct ArrowSchema **children;
	struct ArrowSchema *dictionary;
	void (*release)(struct ArrowSchema *);
	void *private_data;
};

struct ArrowArray {
	int64_t length;
	int64_t null_count;
	int64_t offset;
	int64_t n_buffers;
	int64_t n_children;
	const void **buffers;
	struct ArrowArray **children;
	struct ArrowArray *dictionary;
	void (*release)(struct ArrowArray *);
	void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
	int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};
#endif

#pragma GCC visibility push(hidden)

/* Memory that counts itself: oboro_cdata_live_bytes is what has been
 * allocated and not freed, 0 when every output has been released. Blocks are
 * aligned to 64 bytes. NULL when there is no memory; size 0 gives a block too. */
void *oboro_cdata_alloc(size_t size);
void oboro_cdata_free(void *block);
int64_t oboro_cdata_live_bytes(void);
int64_t oboro_cdata_live_blocks(void);

/* Fills out with an empty schema or array whose release frees what was made by
 * the functions below. All return 0, or 12 (ENOMEM). */
int oboro_cdata_schema(struct ArrowSchema *out, const char *format, const char *name, int64_t flags,
                       int64_t n_children, int has_dictionary);
int oboro_cdata_array(struct ArrowArray *out, int64_t length, int64_t null_count, int64_t n_buffers,
                      int64_t n_children, int has_dictionary);
/* Gives buffer i of out its own block of size bytes and returns it. */
void *oboro_cdata_buffer(struct ArrowArray *out, int64_t i, int64_t size);

/* Makes a stream that hands out n batches. schema and batches are moved into it. */
int oboro_cdata_stream(struct ArrowArrayStream *out, struct ArrowSchema *schema, struct ArrowArray *batches, int64_t n);

/* Calls through the function pointers of a foreign struct. */
int oboro_cdata_get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out);
int oboro_cdata_get_next(struct ArrowArrayStream *s, struct ArrowArray *out);
void oboro_cdata_release_stream(struct ArrowArrayStream *s);
void oboro_cdata_release_schema(struct ArrowSchema *s);
void oboro_cdata_release_array(struct ArrowArray *a);

#pragma GCC visibility pop

#endif
