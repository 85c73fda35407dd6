// What this tab remembers between reloads: the session's credential, an answer on its way, a draft. It goes with the tab.

/** Memory of one interview. Browsers that refuse storage (some frames in other sites) get one that lasts until reload. */
export function createStore(token) {
  const memory = new Map();
  const name = (key) => `interview:${token}:${key}`;
  const storage = () => {
    try {
      return window.sessionStorage;
    } catch {
      return null;
    }
  };
  return {
    get(key) {
      if (memory.has(key)) return memory.get(key);
      try {
        return JSON.parse(storage()?.getItem(name(key)) ?? 'null');
      } catch {
        return null;
      }
    },
    set(key, value) {
      memory.set(key, value);
      try {
        if (value === null) storage()?.removeItem(name(key));
        else storage()?.setItem(name(key), JSON.stringify(value));
      } catch {
        // Full or refused: the memory above has to do.
      }
    },
  };
}
