// Recordings on their way. They are too large for what a tab remembers (store.js), so the browser keeps the one that is being
// sent in a database of its own until the server has it: a reload in between loses nothing that was said.

const NAME = 'interview';
const RECORDINGS = 'recordings';

/** Opens the database; rejects in browsers that keep nothing, such as some private windows. */
function open() {
  return new Promise((resolve, reject) => {
    const request = window.indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(RECORDINGS);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Keeps one recording of one interview. Where that cannot be done, a recording lasts until the reload. */
export function createRecordings(token) {
  let database = null;

  async function run(mode, act) {
    try {
      database ??= open();
      const transaction = (await database).transaction(RECORDINGS, mode);
      return await new Promise((resolve, reject) => {
        const request = act(transaction.objectStore(RECORDINGS));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch {
      return undefined;
    }
  }

  return {
    /** `spoken` is what `api.spoken` sends. */
    keep: (spoken) => run('readwrite', (recordings) => recordings.put(spoken, token)),
    kept: () => run('readonly', (recordings) => recordings.get(token)),
    drop: () => run('readwrite', (recordings) => recordings.delete(token)),
  };
}
