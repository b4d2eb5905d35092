/** Keeps one training in the browser's database, so that a reload does not lose it. */

const DATABASE = "sconce-mnist";
const STORE = "session";
const KEY = "current";

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function withStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await done(use(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

/** Keeps a session in place of the one before. */
export async function keepSession(bytes: Uint8Array): Promise<void> {
  await withStore("readwrite", (store) => store.put(bytes, KEY));
}

/** The session that was kept, or null. */
export async function keptSession(): Promise<Uint8Array | null> {
  return (await withStore<Uint8Array | undefined>("readonly", (store) => store.get(KEY))) ?? null;
}

/** Forgets the session. */
export async function forgetSession(): Promise<void> {
  await withStore("readwrite", (store) => store.delete(KEY));
}
