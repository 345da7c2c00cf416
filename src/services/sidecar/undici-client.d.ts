/** The one undici module that the sidecar needs; importing the whole package doubles the sidecar's start. */
declare module "undici/lib/dispatcher/client.js" {
  import { Client } from "undici";
  export default Client;
}
