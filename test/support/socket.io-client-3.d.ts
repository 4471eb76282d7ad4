/** The package has types, but its `exports` do not name them. */
declare module 'socket.io-client-3' {
  export function io(url: string, options: object): object;
}
