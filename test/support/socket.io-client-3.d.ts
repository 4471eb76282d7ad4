/** Its own types are not named in its `exports`. */
declare module 'socket.io-client-3' {
  export function io(url: string, options: object): object;
}
